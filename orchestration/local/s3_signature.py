"""The check of an AWS Signature Version 4, which ministack does not make."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/s3/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)"
)


def has_valid_signature(scope: Mapping[str, Any], access_key: str, secret_key: str) -> bool:
    """Return True if the headers of the request have a valid signature with these keys.

    A signature in the URL is not accepted.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        return False
    claimed_key, credential_scope, header_names, signature = match.groups()
    parameters = sorted(
        pair.partition("=")[::2] for pair in scope["query_string"].decode("latin-1").split("&") if pair
    )
    canonical = "\n".join(
        [
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            "&".join(f"{name}={value}" for name, value in parameters),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in header_names.split(";")),
            "",
            header_names,
            headers.get("x-amz-content-sha256", ""),
        ]
    )
    key = b"AWS4" + secret_key.encode()
    for step in credential_scope.split("/"):
        key = _hmac(key, step)
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    signed_text = f"AWS4-HMAC-SHA256\n{headers.get('x-amz-date', '')}\n{credential_scope}\n{digest}"
    expected = _hmac(key, signed_text).hex()
    return hmac.compare_digest(expected, signature) and claimed_key == access_key


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode("latin-1"), hashlib.sha256).digest()
