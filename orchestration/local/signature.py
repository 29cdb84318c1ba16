"""Who may ask the local bucket: the check of an AWS Signature Version 4, which ministack leaves out."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/s3/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)"
)


def signed(scope: Mapping[str, Any], access_key: str, secret_key: str) -> bool:
    """Whether the request carries a valid AWS Signature Version 4 of these keys, in its headers (not in its URL)."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        return False
    claimed_key, place, names, signature = match.groups()
    asked = sorted(
        pair.partition("=")[::2] for pair in scope["query_string"].decode("latin-1").split("&") if pair
    )
    canonical = "\n".join(
        [
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            "&".join(f"{name}={value}" for name, value in asked),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names.split(";")),
            "",
            names,
            headers.get("x-amz-content-sha256", ""),
        ]
    )
    key = b"AWS4" + secret_key.encode()
    for step in place.split("/"):
        key = _hmac(key, step)
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    expected = _hmac(key, f"AWS4-HMAC-SHA256\n{headers.get('x-amz-date', '')}\n{place}\n{hashed}").hex()
    return hmac.compare_digest(expected, signature) and claimed_key == access_key


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode("latin-1"), hashlib.sha256).digest()
