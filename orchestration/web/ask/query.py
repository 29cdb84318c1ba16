"""`/query`: the form's buttons, and `/query/JOB`: how far a report is, and where it is when it is made."""

from contextlib import ExitStack

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from orchestration.deliveries import on_request
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.web.ask import jobs
from orchestration.web.ask.asked import OUTPUTS, Asked
from orchestration.web.ask.checking import Refused, plain_query, query_of
from orchestration.web.ask.form import form_page
from orchestration.web.ask.jobs import Job, TooMany
from orchestration.web.ask.load import load
from orchestration.web.ask.mails import mails_of
from orchestration.web.ask.work import Work
from orchestration.web.pages import page, posted
from orchestration.web.visitor import Role, needs, signed_in

QUICK = 1.0
"""Seconds that a click waits for its report before it is shown how far that is."""

_DOING = {
    "computing": "asking the marts",
    "keeping": "writing its files and keeping them",
    "mailing": "sending the mails",
}


@needs(Role.ANALYST)
def query(request: Request) -> Response:
    """The sent form: makes the report, or for the form's other buttons shows the form changed, or saves its query."""
    sent = posted(request)
    asked, saved = Asked.read(sent), str(sent.get("saved", ""))
    more = {"saved": saved} if saved else {}
    if "drop" in sent:
        name, _, text = str(sent["drop"]).replace("\r\n", "\n").partition(":")
        return RedirectResponse(f"/?{asked.without(name, text).address(**more)}", 303)
    if sent.get("do") in ("update", "save"):
        place = "/" if sent["do"] == "update" else "/saved/new"
        return RedirectResponse(f"{place}?{asked.address(**more)}", 303)
    try:
        job = _begin(request, asked, saved, str(sent.get("token", "")))
    except Refused as refused:
        return form_page(request, 422, asked, saved, refused.problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        return form_page(request, 429 if isinstance(error, TooMany) else 409, asked, saved, notice=str(error))
    return RedirectResponse(f"/query/{job}", 303)


def _begin(request: Request, asked: Asked, saved: str, token: str) -> str:
    """The job of the form, begun by this request or by an earlier one that was the same; waits a moment for its end."""
    visitor = signed_in(request)
    with ExitStack() as opened:
        archive, connection = opened.enter_context(request.app.state.open_archive())
        within = query_of(asked, visitor, connection)
        send_to = on_request.recipients(asked.several("send_to"))
        if send_to:
            on_request.require_mail_settings()
        key = jobs.job_key(token, visitor.name, asked.address())
        job = jobs.take(connection, key, visitor.name, asked.address())
        if job:
            of_saved = _saved_query(request, saved, asked)
            work = Work(job, within, of_saved, asked.one("output", "web"), send_to)
            work.begin(archive, connection, opened.pop_all()).join(QUICK)
    return key


def _saved_query(request: Request, name: str, asked: Asked) -> SavedQuery | None:
    """The saved query of that name, if the form asks for exactly what it does: else the report is nobody's but its own."""
    try:
        found = load(signed_in(request), name, request.app.state.open_archive)
    except RequestError:
        return None
    return found if found.query == plain_query(asked) else None


@needs(Role.ANALYST)
def job_page(request: Request) -> Response:
    """The report of the job when it is made, and how far it is before."""
    with request.app.state.open_archive() as (_, connection):
        job = _job(request, connection)
        mails = mails_of(connection, job.snapshot_id) if job.state == "done" else []
    output = Asked.read(QueryParams(job.asked)).one("output", "web")
    if job.state == "done" and output == "web":
        return RedirectResponse(_view(job), 303)
    return page(
        request,
        "ask_job.html.j2",
        200,
        job=job,
        doing=_DOING.get(job.state, ""),
        mails=mails,
        output=output,
        output_name=OUTPUTS[output],
        report=_view(job),
    )


@needs(Role.ANALYST)
def job_state(request: Request) -> Response:
    """How far the job is, as JSON: what it is doing, for how many seconds, whether its page has more to say."""
    with request.app.state.open_archive() as (_, connection):
        job = _job(request, connection)
    state = {"doing": _DOING.get(job.state, ""), "seconds": job.seconds, "over": job.ended or job.lost}
    return JSONResponse(
        state | {"cancellable": job.state == "computing"}, headers={"Cache-Control": "no-store"}
    )


@needs(Role.ANALYST)
def cancel(request: Request) -> Response:
    """Cancels the job, if it is still computing; its page says whether it was."""
    with request.app.state.open_archive() as (_, connection):
        job = _job(request, connection)
        jobs.cancel(connection, job.job)
    return RedirectResponse(f"/query/{job.job}", 303)


def _job(request: Request, connection: Connection[TupleRow]) -> Job:
    """The job of the address: somebody else's is answered as if there were none."""
    job = jobs.find(connection, request.path_params["job"], signed_in(request).name)
    if job is None:
        raise HTTPException(404)
    return job


def _view(job: Job) -> str:
    return f"/view?id={job.snapshot_id}"


ROUTES = [
    Route("/query", query, methods=["POST"]),
    Route("/query/{job}", job_page),
    Route("/query/{job}/state", job_state),
    Route("/query/{job}/cancel", cancel, methods=["POST"]),
]
