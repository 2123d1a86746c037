"""Replies on disk, by what was asked; and what was spent on them."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import stamina

from adhere.endpoint.reply import Answer
from adhere.errors import DataError

_PATIENCE = 30.0
"""Seconds to wait for another process that is writing; a write takes a few milliseconds."""
_TABLES = """
    CREATE TABLE IF NOT EXISTS replies (
        key TEXT PRIMARY KEY, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
        prompt_tokens INTEGER, completion_tokens INTEGER
    );
    CREATE TABLE IF NOT EXISTS served (key TEXT PRIMARY KEY, model TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS spending (
        account TEXT PRIMARY KEY, attempts INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL
    );
"""


@dataclass(frozen=True, slots=True)
class Spending:
    """What attempts took."""

    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: int = 0
    """Those of the tokens that were guessed, for no server counted them."""

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def tokens(self) -> int:
        """Of prompts and replies."""
        return self.prompt_tokens + self.completion_tokens


class Cache:
    """An SQLite file of replies, which several processes may use at once.

    A reply that was put stays, whatever happens to the process. No prompt is in it and no key: what was asked
    is there as a hash only. Nothing is ever removed.

    Raises:
        DataError: The file cannot be made or read, or is something else.
    """

    def __init__(self, path: Path, *, account: str) -> None:
        self._path = path
        self._account = account
        with self._guarded():
            # One thread uses it at a time.
            self._base = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        with self._guarded():
            # Under WAL this loses nothing but to a power cut, and that what came last.
            self._base.execute("PRAGMA synchronous = NORMAL")
            # SQLite does not wait where two processes go over to WAL at once: one is told that it is locked.
            for attempt in stamina.retry_context(
                on=lambda fault: getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY,
                attempts=None,
                timeout=_PATIENCE,
                wait_initial=0.01,
                wait_max=0.5,
            ):
                with attempt:
                    self._base.execute("PRAGMA journal_mode = WAL")
            self._base.executescript(_TABLES)

    def get(self, key: str) -> Answer | None:
        """Return the reply to what has this key."""
        with self._guarded():
            row = self._base.execute(
                "SELECT text, finish_reason, prompt_tokens, completion_tokens, model"
                " FROM replies LEFT JOIN served USING (key) WHERE key = ?",
                (key,),
            ).fetchone()
        if row is None:
            return None
        return Answer(
            text=row[0],
            finish_reason=row[1],
            prompt_tokens=row[2],
            completion_tokens=row[3],
            model=row[4] or "",
        )

    def put(self, key: str, answer: Answer, spending: Spending) -> None:
        """Keep a reply, and what it took, both or neither; the first of two replies stays."""
        row = key, answer.text, answer.finish_reason, answer.prompt_tokens, answer.completion_tokens
        with self._guarded(), self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", row)
            self._base.execute("INSERT OR IGNORE INTO served VALUES (?, ?)", (key, answer.model))
            self._spend(spending)

    def spend(self, spending: Spending) -> None:
        """Keep what an attempt took that brought no reply."""
        with self._guarded():
            self._spend(spending)

    @property
    def spent(self) -> Spending:
        """All that was spent on the account."""
        with self._guarded():
            row = self._base.execute(
                "SELECT attempts, prompt_tokens, completion_tokens, estimated FROM spending"
                " WHERE account = ?",
                (self._account,),
            ).fetchone()
        return Spending() if row is None else Spending(*row)

    def forget_spending(self) -> None:
        """Begin the account anew; replies stay."""
        with self._guarded():
            self._base.execute("DELETE FROM spending WHERE account = ?", (self._account,))

    def close(self) -> None:
        """Leave the file to others; it is then one file."""
        self._base.close()

    def _spend(self, spending: Spending) -> None:
        self._base.execute(
            "INSERT INTO spending VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
            " attempts = attempts + excluded.attempts,"
            " prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
            " completion_tokens = completion_tokens + excluded.completion_tokens,"
            " estimated = estimated + excluded.estimated",
            (self._account, *astuple(spending)),
        )

    @contextmanager
    def _guarded(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            raise DataError.at(
                "endpoint.cache",
                str(self._path),
                f"replies cannot be kept there ({fault})",
                fix="Name another file, or make room",
            ) from fault
