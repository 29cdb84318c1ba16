"""The description of a cron in plain words: `0 7 1 * *` is `07:00 on day 1 of each month`."""

import re
from calendar import day_name, month_name

_WEEKDAYS = {str(number): day_name[number - 1] for number in range(1, 8)} | {"0": "Sunday"}
_WEEKDAYS |= {name[:3].lower(): name for name in day_name}
_MONTHS = {str(number): name for number, name in enumerate(month_name) if number}
_MONTHS |= {name[:3].lower(): name for name in month_name[1:]}
_DAYS = {str(number): str(number) for number in range(1, 32)}


def describe_cron(cron: str) -> str | None:
    """Return the cron in words, or None if it has no short description."""
    minute, hour, day, month, weekday = cron.lower().split()
    time = _describe_time(minute, hour)
    weekdays, days, months = (
        _describe_names(weekday, _WEEKDAYS),
        _describe_names(day, _DAYS),
        _describe_names(month, _MONTHS),
    )
    if time is None or None in (weekdays, days, months) or (weekdays and days):
        return None
    if weekdays:
        when = f"every {weekdays}"
    elif days:
        when = f"on day {days} of {months or 'each month'}"
    elif hour == "*" and not months:
        return time.rstrip(",")
    else:
        when = "every day"
    return f"{time} {when}{f' in {months}' if months and not days else ''}"


def _describe_time(minute: str, hour: str) -> str | None:
    if minute.isdecimal() and hour.isdecimal():
        return f"{int(hour):02}:{int(minute):02}"
    if minute.isdecimal() and hour == "*":
        return f"each hour at minute {minute},"
    step = re.fullmatch(r"\*(?:/(\d+))?", minute)
    if step and hour == "*":
        return "each minute," if step[1] in (None, "1") else f"each {step[1]} minutes,"
    return None


def _describe_names(field: str, names: dict[str, str]) -> str | None:
    """Return the weekdays, days or months of a field.

    Return "" for all of them, and None if there are no plain words for the field.
    """
    if field == "*":
        return ""
    words = []
    for part in field.split(","):
        first, dash, last = part.partition("-")
        if first not in names or (dash and last not in names):
            return None
        words.append(f"{names[first]} to {names[last]}" if dash else names[first])
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
