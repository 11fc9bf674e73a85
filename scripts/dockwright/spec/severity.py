"""What an advisory says of how bad it is in; one of four severities, or None, out."""

from __future__ import annotations

from enum import StrEnum

WORDS = {
    "critical": "critical",
    "high": "high",
    "important": "high",
    "moderate": "medium",
    "medium": "medium",
    "low": "low",
    "none": "low",
    "negligible": "low",
    "unimportant": "low",
}
"""The words of CVSS, GitHub and distributions."""


class Severity(StrEnum):
    """How bad a vulnerability is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Its place among them, 0 for the worst."""
        return tuple(Severity).index(self)


def of_word(word: object) -> Severity | None:
    """Return the severity that a word means.

    >>> of_word("MODERATE"), of_word("not yet assigned")
    (<Severity.MEDIUM: 'medium'>, None)
    """
    found = WORDS.get(word.strip().lower()) if isinstance(word, str) else None
    return Severity(found) if found else None


def of_vector(kind: str, vector: str) -> Severity | None:
    """Return the severity of a CVSS vector of the base metrics; None where it cannot be computed.

    >>> of_vector("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    <Severity.CRITICAL: 'critical'>
    """
    import cvss  # noqa: PLC0415 - slow to import, and few advisories come this far

    try:
        match kind:
            case "CVSS_V4":
                return of_word(cvss.CVSS4(vector).severity)
            case "CVSS_V3":
                return of_word(cvss.CVSS3(vector).severities()[0])
            case "CVSS_V2":
                return of_word(cvss.CVSS2(vector).severities()[0])
            case _:
                return of_word(vector)
    except cvss.exceptions.CVSSError:
        return None
