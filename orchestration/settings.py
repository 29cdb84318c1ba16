"""The settings: `DYNAMICS_*` in the environment or in `.env`.

The product starts a local service for a database, bucket or mail server that is not set.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestration.errors import RequestError


class Settings(BaseSettings):
    """The settings of a process. URLs and passwords are secrets, which print as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="DYNAMICS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path(".dynamics"), description="folder of the local services and the report store")
    database_url: SecretStr | None = Field(None, description="postgresql://user:password@host:5432/name")
    s3_bucket: str | None = Field(None, description="bucket of the snapshots")
    s3_endpoint_url: str | None = Field(None, description="S3 endpoint, if the bucket is not at Amazon")
    smtp_url: SecretStr | None = Field(None, description="smtp://user:password@host:587?starttls=required")
    mail_from: str = Field("Customer Dynamics <reports@localhost>", description="sender of the mails")
    public_url: str | None = Field(None, description="beginning of all links")
    base_currency: str = Field("USD", description="currency of the exchange rates")
    templates: Path = Field(Path("report_templates"), description="folder of the saved queries")
    oidc_url: str | None = Field(None, description="issuer of the OpenID provider")
    oidc_client_id: str = Field("", description="client id at the OpenID provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="client secret at the OpenID provider")
    oidc_scope: str = Field("openid profile email", description="scope of the request to the OpenID provider")
    oidc_claim: str = Field("groups", description="claim with the groups of a user")
    oidc_roles: Annotated[dict[str, str], NoDecode] = Field(
        {}, description='roles by group: {"finance": "analyst", "northline": "viewer:R-17"}'
    )
    store_part_rows: int = Field(
        20_000_000,
        ge=1,
        description="events in one file of the report store; a larger store is split by client",
    )
    share_store: bool | None = Field(
        None,
        description="true: also store the report store in the bucket, for other hosts;"
        " default: true if a database and a bucket are set",
    )
    keep_runs_days: int = Field(
        90, ge=1, description="days after which Dagster's runs and the jobs of the query form are deleted"
    )

    @field_validator("home", "templates")
    @classmethod
    def _make_absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("base_currency")
    @classmethod
    def _check_currency(cls, code: str) -> str:
        if not re.fullmatch("[A-Z]{3}", code):
            raise ValueError(f"{code!r} is not a valid currency: use an ISO 4217 code such as USD")
        return code

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _parse_json(cls, roles: Any) -> Any:
        try:
            return json.loads(roles) if isinstance(roles, str) else roles
        except ValueError:
            raise ValueError('the value is not valid JSON: write {"GROUP": "viewer", …}') from None


@cache
def settings() -> Settings:
    """Return the settings of this process. They are read once.

    Raise RequestError with the name of an invalid setting.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"DYNAMICS_{'_'.join(map(str, first['loc'])).upper()}"
        raise RequestError(
            f"setting {name}: {first['msg'].removeprefix('Value error, ')}; see docs/reference/settings.md"
        ) from None
