"""A cron in words, for whoever does not read crons: `0 7 1 * *` is `07:00 on day 1 of each month`."""

import re
from calendar import day_name, month_name

_WEEKDAYS = {str(number): day_name[number - 1] for number in range(1, 8)} | {"0": "Sunday"}
_WEEKDAYS |= {name[:3].lower(): name for name in day_name}
_MONTHS = {str(number): name for number, name in enumerate(month_name) if number}
_MONTHS |= {name[:3].lower(): name for name in month_name[1:]}
_DAYS = {str(number): str(number) for number in range(1, 32)}


def cron_words(cron: str) -> str | None:
    """The cron in words; None for one that is shorter to read as it stands."""
    minute, hour, day, month, weekday = cron.lower().split()
    time = _time(minute, hour)
    on_weekday, on_day, in_month = _names(weekday, _WEEKDAYS), _names(day, _DAYS), _names(month, _MONTHS)
    if time is None or None in (on_weekday, on_day, in_month) or (on_weekday and on_day):
        return None
    if on_weekday:
        days = f"every {on_weekday}"
    elif on_day:
        days = f"on day {on_day} of {in_month or 'each month'}"
    elif hour == "*" and not in_month:
        return time.rstrip(",")
    else:
        days = "every day"
    return f"{time} {days}{f' in {in_month}' if in_month and not on_day else ''}"


def _time(minute: str, hour: str) -> str | None:
    if minute.isdecimal() and hour.isdecimal():
        return f"{int(hour):02}:{int(minute):02}"
    if minute.isdecimal() and hour == "*":
        return f"each hour at minute {minute},"
    step = re.fullmatch(r"\*(?:/(\d+))?", minute)
    if step and hour == "*":
        return "each minute," if step[1] in (None, "1") else f"each {step[1]} minutes,"
    return None


def _names(field: str, names: dict[str, str]) -> str | None:
    """The days or months of a field: "" for all, None for what has no plain words."""
    if field == "*":
        return ""
    found = []
    for part in field.split(","):
        first, dash, last = part.partition("-")
        if first not in names or (dash and last not in names):
            return None
        found.append(f"{names[first]} to {names[last]}" if dash else names[first])
    return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else found[0]
