"""AWS Lambda MicroVMs on loopback: the API boto3 speaks, and machines that are processes running the box server.

    with MicrovmsFake() as fake:
        image = fake.add_image("sandbox")
        client = boto3.client("lambda-microvms", endpoint_url=fake.url, ...)

Each machine has a loopback address of its own with the ports it would have in AWS, and an endpoint in front of them
that wants the credential, resumes on traffic and answers 502 while nothing listens. Suspended means stopped with
signals; what was connected is cut.
"""

from tests.fakes.microvms.service import MicrovmsFake, Pace

__all__ = ["MicrovmsFake", "Pace"]
