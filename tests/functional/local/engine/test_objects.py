"""Objects: bytes, ranges, preconditions, listings, copies, multipart uploads."""

import base64
import hashlib
import io

import pytest

PART = b"x" * (5 << 20)


def _read(cloud, bucket, name, **more):
    return cloud.s3.get_object(Bucket=bucket, Key=name, **more)["Body"].read()


def test_bytes_and_metadata_come_back(cloud):
    bucket = cloud.bucket()
    body = bytes(range(256)) * 100
    put = cloud.s3.put_object(
        Bucket=bucket, Key="a/é b+c", Body=io.BytesIO(body), ContentType="text/x", Metadata={"Who": "me"}
    )
    got = cloud.s3.get_object(Bucket=bucket, Key="a/é b+c")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/x", {"who": "me"}, len(body))
    assert got["ETag"] == put["ETag"]
    assert cloud.s3.head_object(Bucket=bucket, Key="a/é b+c")["ContentLength"] == len(body)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("bytes=1-3", b"123"), ("bytes=7-", b"789"), ("bytes=-2", b"89"), ("bytes=8-100", b"89"), ("bytes=0-0", b"0")],
)
def test_ranges(cloud, wanted, expected):
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = cloud.s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    assert got["Body"].read() == expected
    assert got["ContentRange"].endswith("/10")


def test_a_range_past_the_end_is_refused(cloud, refused):
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    refused("InvalidRange", cloud.s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-")


def test_streams_are_read_in_pieces(cloud):
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"a\nb\nc" * 1000)
    body = cloud.s3.get_object(Bucket=bucket, Key="k")["Body"]
    assert b"".join(body.iter_chunks(1000)) == b"a\nb\nc" * 1000
    lines = list(cloud.s3.get_object(Bucket=bucket, Key="k")["Body"].iter_lines())
    assert len(lines) == 2001


def test_a_checksum_is_held_against_the_bytes_and_told_to_who_asks(cloud, refused):
    bucket, body = cloud.bucket(), b"0123456789"
    right, wrong = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in (body, b"other"))
    given = {"Bucket": bucket, "Key": "k"}
    refused("BadDigest", cloud.s3.put_object, **given, Body=body, ChecksumSHA256=wrong)
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=bucket)
    cloud.s3.put_object(**given, Body=body, ChecksumSHA256=right)
    asked = cloud.s3.head_object(**given, ChecksumMode="ENABLED")
    assert (asked["ChecksumSHA256"], asked["ChecksumType"]) == (right, "FULL_OBJECT")
    assert "ChecksumSHA256" not in cloud.s3.head_object(**given)
    cloud.s3.put_object(**given, Body=body)
    assert "ChecksumSHA256" not in cloud.s3.head_object(**given, ChecksumMode="ENABLED")


def test_write_once_and_compare_and_set(cloud, refused):
    bucket = cloud.bucket()
    given = {"Bucket": bucket, "Key": "k"}
    etag = cloud.s3.put_object(**given, Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", cloud.s3.put_object, **given, Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", cloud.s3.put_object, **given, Body=b"2", IfMatch='"other"')
    cloud.s3.put_object(**given, Body=b"2", IfMatch=etag)
    assert _read(cloud, bucket=bucket, name="k") == b"2"


def test_write_once_has_one_winner(cloud, in_threads):
    bucket, wins = cloud.bucket(), []

    def work(number):
        for n in range(10):
            try:
                cloud.s3.put_object(Bucket=bucket, Key=str(n), Body=str(number).encode(), IfNoneMatch="*")
                wins.append((n, number))
            except cloud.s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise

    in_threads(8, work)
    assert sorted(n for n, _ in wins) == list(range(10))
    assert all(_read(cloud, bucket, str(n)) == str(number).encode() for n, number in wins)


def test_conditional_reads(cloud, refused):
    bucket = cloud.bucket()
    etag = cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    refused("304", cloud.s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused("PreconditionFailed", cloud.s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"')


def test_unknown_objects_and_buckets(cloud, refused):
    bucket = cloud.bucket()
    refused("NoSuchKey", cloud.s3.get_object, Bucket=bucket, Key="none")
    refused("404", cloud.s3.head_object, Bucket=bucket, Key="none")
    refused("NoSuchBucket", cloud.s3.get_object, Bucket=f"{bucket}-other", Key="none")
    cloud.s3.delete_object(Bucket=bucket, Key="none")


def test_listing_by_page_prefix_and_delimiter(cloud):
    bucket = cloud.bucket()
    for name in ("a/1", "a/2", "a/b/3", "b/4", "c"):
        cloud.s3.put_object(Bucket=bucket, Key=name, Body=b"")
    pages = cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [o["Key"] for page in pages for o in page["Contents"]] == ["a/1", "a/2", "a/b/3", "b/4", "c"]
    top = cloud.s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "b/"]
    assert [o["Key"] for o in top["Contents"]] == ["c"]
    inside = cloud.s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="/")
    assert [o["Key"] for o in inside["Contents"]] == ["a/1", "a/2"]
    grouped = [
        prefix["Prefix"]
        for page in cloud.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
        )
        for prefix in page.get("CommonPrefixes", [])
    ]
    assert grouped == ["a/", "b/"]
    assert cloud.s3.list_objects_v2(Bucket=bucket, StartAfter="b/4")["KeyCount"] == 1


def test_deleting_many_and_copying(cloud):
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="from me", Body=b"1", Metadata={"a": "b"})
    cloud.s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from me"})
    cloud.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "from me"}, {"Key": "none"}]})
    assert _read(cloud, bucket, "to") == b"1"
    assert cloud.s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"a": "b"}
    assert [o["Key"] for o in cloud.s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["to"]


def test_multipart(cloud, refused):
    bucket = cloud.bucket()
    given = {"Bucket": bucket, "Key": "big"}
    upload = {**given, "UploadId": cloud.s3.create_multipart_upload(**given, Metadata={"m": "1"})["UploadId"]}
    tags = [
        {"PartNumber": n, "ETag": cloud.s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"]}
        for n, body in ((1, PART), (3, b"end"))
    ]
    assert [part["PartNumber"] for part in cloud.s3.list_parts(**upload)["Parts"]] == [1, 3]
    refused("NoSuchKey", cloud.s3.get_object, **given)
    done = cloud.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": tags})
    assert done["ETag"].endswith('-2"')
    assert _read(cloud, bucket, "big") == PART + b"end"
    assert cloud.s3.head_object(**given)["Metadata"] == {"m": "1"}


def test_multipart_refusals(cloud, refused):
    bucket = cloud.bucket()
    given = {"Bucket": bucket, "Key": "big"}
    upload = {**given, "UploadId": cloud.s3.create_multipart_upload(**given)["UploadId"]}
    small = [
        {"PartNumber": n, "ETag": cloud.s3.upload_part(**upload, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)
    ]
    complete = cloud.s3.complete_multipart_upload
    refused("EntityTooSmall", complete, **upload, MultipartUpload={"Parts": small})
    refused("InvalidPart", complete, **upload, MultipartUpload={"Parts": [{**small[0], "ETag": '"no"'}]})
    cloud.s3.abort_multipart_upload(**upload)
    refused("NoSuchUpload", cloud.s3.upload_part, **upload, PartNumber=1, Body=b"late")


def test_the_transfer_manager_works(cloud, tmp_path):
    bucket = cloud.bucket()
    source, target = tmp_path / "from", tmp_path / "to"
    source.write_bytes(PART * 2 + b"tail")
    cloud.s3.upload_file(str(source), bucket, "file")
    cloud.s3.download_file(bucket, "file", str(target))
    assert target.read_bytes() == source.read_bytes()
