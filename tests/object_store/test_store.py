"""The object store writes an object once, and its errors say what to check."""

import secrets

import pytest

from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.object_store import ObjectStore


def test_an_object_is_written_once(store):
    first = store.put_new("one", b"1", "text/plain")
    assert store.put_new("one", b"1", "text/plain") == first
    with pytest.raises(DynamicsError, match="another content"):
        store.put_new("one", b"2", "text/plain")
    assert store.get("one") == b"1"
    assert [item.versions for item in store.list("o")] == [1]


def test_an_error_names_the_bucket_and_no_secret(bucket_options):
    secret = secrets.token_hex(16)
    cases = [
        (
            ObjectStore("b", **(bucket_options | {"endpoint_url": "http://127.0.0.1:9"})),
            Unavailable,
            "DYNAMICS_S3_ENDPOINT_URL",
        ),
        (
            ObjectStore("no-such-bucket", **bucket_options),
            DynamicsError,
            "there is no bucket no-such-bucket at 127.0.0.1",
        ),
        (ObjectStore("no bucket", **bucket_options), RequestError, "check DYNAMICS_S3_BUCKET"),
        (
            ObjectStore("b", **(bucket_options | {"endpoint_url": "localhost:9"})),
            RequestError,
            "is not a valid URL",
        ),
        (
            ObjectStore("b", **(bucket_options | {"secret_key": secret})),
            DynamicsError,
            "check the credentials",
        ),
    ]
    for store, error, text in cases:
        for method, arguments in (
            (store.get, ("x",)),
            (store.put_new, ("x", b"", "text/plain")),
            (list_all, (store,)),
        ):
            with pytest.raises(error, match=text) as failure:
                method(*arguments)
            assert secret not in str(failure.value)
            assert "\n" not in str(failure.value)


def list_all(store):
    return list(store.list(""))
