"""python -m tests.fakes.microvms [IMAGE-NAME]: serves until interrupted and prints what a client needs to know."""

import json
import sys
import threading

from tests.fakes.microvms import MicrovmsFake

with MicrovmsFake() as fake:
    image = fake.add_image(sys.argv[1] if len(sys.argv) > 1 else "sandbox")
    known = {"AWS_ENDPOINT_URL_LAMBDA_MICROVMS": fake.url, "LAMBENT_MICROVM_IMAGE": image.arn}
    print(json.dumps(known), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)
