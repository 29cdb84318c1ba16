"""Settings: from `DYNAMICS_*` in the environment or `.env`; what is unset means the local service."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestration.errors import RequestError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where the parts are. URLs hold passwords, so they are secrets: they print as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="DYNAMICS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(Path(".dynamics"), description="state of the local services")
    database_url: SecretStr | None = Field(None, description="postgresql://user:password@host:5432/name")
    s3_bucket: str | None = Field(None, description="bucket of the snapshots")
    s3_endpoint_url: str | None = Field(None, description="S3 endpoint, when it is not Amazon's")
    smtp_url: SecretStr | None = Field(None, description="smtp://user:password@host:587?starttls=required")
    mail_from: str = Field("Customer Dynamics <reports@localhost>", description="sender of the mails")
    public_url: str | None = Field(None, description="what links begin with")
    base_currency: str = Field("USD", description="currency the rates are given in")
    templates: Path = Field(Path("report_templates"), description="folder of the saved queries")
    oidc_url: str | None = Field(None, description="OpenID provider, as its issuer names itself")
    oidc_client_id: str = Field("", description="our name at the OpenID provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="our password at the OpenID provider")
    oidc_scope: str = Field("openid profile email", description="what the OpenID provider is asked to tell")
    oidc_claim: str = Field("groups", description="claim that lists somebody's groups")
    oidc_roles: Annotated[dict[str, str], NoDecode] = Field(
        {}, description='roles by group: {"finance": "analyst", "northline": "viewer:R-17"}'
    )
    store_part_rows: int = Field(
        20_000_000, ge=1, description="events in one file of the report store; more are split by client"
    )
    share_store: bool | None = Field(
        None,
        description="also keep the report store in the bucket, for other hosts; unset: database and bucket are named",
    )
    keep_runs_days: int = Field(
        90, ge=1, description="days that Dagster's runs and the form's questions are kept"
    )

    @field_validator("home", "templates")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("base_currency")
    @classmethod
    def _code(cls, code: str) -> str:
        if not re.fullmatch("[A-Z]{3}", code):
            raise ValueError(f"{code!r} is no ISO 4217 code: three capital letters, such as USD")
        return code

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _json(cls, roles: Any) -> Any:
        try:
            return json.loads(roles) if isinstance(roles, str) else roles
        except ValueError:
            raise ValueError('it is no JSON: write {"GROUP": "viewer", …}') from None


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises RequestError that names the wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"DYNAMICS_{'_'.join(map(str, first['loc'])).upper()}"
        raise RequestError(
            f"setting {name}: {first['msg'].removeprefix('Value error, ')}; see `Settings` in README.md"
        ) from None
