"""Sign-in by password or OpenID, browser sessions, and the page of users."""
