"""Signing in: who a request comes from, and the proof that its own page sent it."""

from orchestration.web.sign_in.middleware import SignIn
from orchestration.web.sign_in.routes import ROUTES

__all__ = ["ROUTES", "SignIn"]
