"""The form's target `/query`, and the page `/query/{job}` with the progress of the report."""

from contextlib import ExitStack

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.deliveries import manual
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.web.access import page
from orchestration.web.mails import load_requested_mails
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page
from orchestration.web.query_form import jobs
from orchestration.web.query_form.fields import FORM_NAMES, OUTPUTS, QueryFormData
from orchestration.web.query_form.form import render_form
from orchestration.web.query_form.job_runner import JobRunner
from orchestration.web.query_form.jobs import Job, TooManyJobs
from orchestration.web.query_form.saved_query_access import load_visible
from orchestration.web.query_form.validation import InvalidForm, parse_query, resolve_query

REDIRECT_WAIT_SECONDS = 1.0
"""How long a click waits for its report. A slower report shows its progress page."""

_STEPS = {
    "computing": "computing the report",
    "keeping": "storing the files",
    "mailing": "sending the mails",
}


@page(Role.ANALYST, form=(*FORM_NAMES, "saved", "token", "do", "drop"), statuses=(303, 409, 422, 429))
def send_query(request: PageRequest) -> Response:
    """Start the report of the form. The other buttons change the form or save its query.

    `do` is `query`, `update` or `save`. `drop` names one value to remove, as FIELD:TEXT. `token` is
    new for each form, so that a double click starts one report.
    """
    form, saved = QueryFormData.parse(request.form.pairs(FORM_NAMES)), request.form.text("saved")
    more = {"saved": saved} if saved else {}
    if "drop" in request.form:
        name, _, text = request.form.text("drop").replace("\r\n", "\n").partition(":")
        return RedirectResponse(f"/?{form.without(name, text).to_address(**more)}", 303)
    button = request.form.text("do")
    if button in ("update", "save"):
        path = "/" if button == "update" else "/saved/new"
        return RedirectResponse(f"{path}?{form.to_address(**more)}", 303)
    try:
        key = _start_job(request, form, saved, request.form.text("token"))
    except InvalidForm as error:
        return render_form(request, 422, form, saved, error.problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        status = 429 if isinstance(error, TooManyJobs) else 409
        return render_form(request, status, form, saved, notice=str(error))
    return RedirectResponse(f"/query/{key}", 303)


def _start_job(request: PageRequest, form: QueryFormData, saved: str, token: str) -> str:
    """Start the job of the form, unless it is started already. Wait a moment. Return the key."""
    visitor = request.signed_in_visitor
    with ExitStack() as resources:
        archive, connection = resources.enter_context(request.services.open_archive())
        query = resolve_query(form, visitor, connection)
        send_to = manual.parse_recipients(form.texts("send_to"))
        if send_to:
            manual.require_mail_settings()
        key = jobs.make_key(token, visitor.name, form.to_address())
        job = jobs.claim(connection, key, visitor.name, form.to_address())
        if job:
            saved_query = _find_unchanged(request, saved, form)
            runner = JobRunner(job, query, saved_query, form.text("output", "web"), send_to)
            runner.start(archive, connection, resources.pop_all()).join(REDIRECT_WAIT_SECONDS)
    return key


def _find_unchanged(request: PageRequest, name: str, form: QueryFormData) -> SavedQuery | None:
    """Return the saved query that the form was loaded from, if no parameter has changed since."""
    try:
        saved_query = load_visible(request.signed_in_visitor, name, request.services.open_archive)
    except RequestError:
        return None
    return saved_query if saved_query.query == parse_query(form) else None


@page(Role.ANALYST, statuses=(200, 303, 404))
def show_job(request: PageRequest) -> Response:
    """Show the progress of the job, or its result. Redirect to a finished report without a file."""
    with request.services.open_archive() as (_, connection):
        job = _find_job(request, connection)
        mails = load_requested_mails(connection, job.snapshot_id) if job.state == "done" else []
    output = QueryFormData.parse_address(job.query_string).text("output", "web")
    report_address = f"/view?id={job.snapshot_id}"
    if job.state == "done" and output == "web":
        return RedirectResponse(report_address, 303)
    return render_page(
        request,
        "query_job.html.j2",
        200,
        job=job,
        step=_STEPS.get(job.state, ""),
        mails=mails,
        output=output,
        output_label=OUTPUTS[output],
        report_address=report_address,
    )


@page(Role.ANALYST, statuses=(200, 404))
def send_job_state(request: PageRequest) -> Response:
    """Return the state of the job as JSON: its step, its seconds, and whether it is over."""
    with request.services.open_archive() as (_, connection):
        job = _find_job(request, connection)
    return JSONResponse(
        {
            "step": _STEPS.get(job.state, ""),
            "seconds": job.seconds,
            "over": job.is_finished or job.is_lost,
            "cancellable": job.state == "computing",
        },
        headers={"Cache-Control": "no-store"},
    )


@page(Role.ANALYST, statuses=(303, 404))
def cancel_job(request: PageRequest) -> Response:
    """Cancel the job if it still computes. Its page shows whether it is cancelled."""
    with request.services.open_archive() as (_, connection):
        job = _find_job(request, connection)
        jobs.cancel(connection, job.key)
    return RedirectResponse(f"/query/{job.key}", 303)


def _find_job(request: PageRequest, connection: Connection[TupleRow]) -> Job:
    """Return the visitor's job.

    Raise HTTPException 404 for an unknown job and for another visitor's.
    """
    job = jobs.find(connection, request.path_parameters["job"], request.signed_in_visitor.name)
    if job is None:
        raise HTTPException(404)
    return job


ROUTES = [
    Route("/query", send_query, methods=["POST"]),
    Route("/query/{job}", show_job),
    Route("/query/{job}/state", send_job_state),
    Route("/query/{job}/cancel", cancel_job, methods=["POST"]),
]
