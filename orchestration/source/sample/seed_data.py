"""The constants of the sample. Money is in millionths of a dollar."""

PACKAGES = (
    ("p01", "Unlimited 870", 8_700_000),
    ("p02", "Weekend Minutes", 3_500_000),
    ("p03", "Europe 300", 6_000_000),
    ("p04", "Evening Hours", 2_900_000),
    ("p05", "Call Centre 10,000", 79_000_000),
    ("p06", 'Family "Three in One"', 14_500_000),
    ("p07", "Додому без меж", 4_200_000),
    ("p08", "Asia Direct", 11_900_000),
    ("p09", "Local 100", 1_900_000),
    ("p10", "Office Lines", 25_000_000),
    ("p11", "SMS 500", 2_200_000),
    ("p12", "Trial Week", 0),
)
"""Id, name and monthly price. The first packages are the most popular."""

CURRENCIES = (
    ("USD", 58, 1, 100_000_000),
    ("EUR", 14, 1, 108_000_000),
    ("GBP", 8, 1, 127_000_000),
    ("UAH", 11, 40, 2_550_000),
    ("INR", 5, 80, 1_200_000),
    ("PLN", 4, 4, 25_300_000),
)
"""Code, share of clients in percent, price of a dollar, first rate in hundred-millionths."""

TAGS = (("retail", 60), ("wholesale", 12), ("vip", 6), ("trial", 9), ("südost", 4), ("net 30, prepaid", 3))
"""Tag, and the share of the clients that have it, in percent."""

SEASON = (90, 86, 96, 98, 100, 104, 112, 115, 102, 100, 106, 131)
"""Relative usage from January to December, in percent."""

RESELLERS = ("Northline Telecom", "Meridian Reach")
"""The resellers of every sample. The first owns the second."""

FIRST_WORDS = (
    *("Harbor", "Cedar", "Atlas", "Quartz", "Juniper", "Beacon", "Falcon", "Granite", "Horizon", "Lumen"),
    *("Orchard", "Pioneer", "Ridge", "Summit", "Tidal", "Vector", "Willow", "Zephyr", "Copper", "Delta"),
)
LAST_WORDS = (
    *("Telecom", "Voice", "Networks", "Calls", "Communications", "Connect"),
    *("Wireless", "Exchange", "Carrier", "Wholesale", "Link", "Partners"),
)
GIVEN_NAMES = (
    *("Olena", "Marek", "Priya", "James", "Sofía", "Dmytro", "Aisha", "Chen", "Zoë", "Lars", "Ngozi", "Yuki"),
    *("Тарас", "Оксана", "प्रिया", "محمد", "美咲", "Άννα"),  # noqa: RUF001 - names in other scripts
)
FAMILY_NAMES = (
    *("Kovalenko", "Nowak", "Sharma", "O'Brien", "Müller", "Okafor", "Tanaka", "Smith-Jones", "Ionescu"),
    *("Garcia", "Шевченко", "शर्मा", "الحداد", "佐藤", "Παππάς"),
)
ODD_NAMES = (
    '=HYPERLINK("http://x")',
    "<script>alert(1)</script>",
    "Smith, Jones & Co",
    'The "Blue" Phone Shop',
    "Київські Лінії",
    "東京コール株式会社",
    "two\nlines",
    "+380 44 Call Shop",
)
"""Names that show errors in quoting, escaping and encoding."""
