"""Signing in: who a request comes from, and the proof that its own page sent it."""

from orchestration.web.sign_in.admin import ROUTES as ADMIN_ROUTES
from orchestration.web.sign_in.middleware import SignIn
from orchestration.web.sign_in.openid import routes as openid_routes
from orchestration.web.sign_in.routes import ROUTES as SIGN_IN_ROUTES
from orchestration.web.sign_in.routes import Tries

ROUTES = [*SIGN_IN_ROUTES, *ADMIN_ROUTES]

__all__ = ["ROUTES", "SignIn", "Tries", "openid_routes"]
