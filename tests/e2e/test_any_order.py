"""However a session's chunks come, and whatever they are: one transcript, one note, the right text."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localcloud.client import Client, Piece
from localcloud.recorder import RECORDERS, encode
from localcloud.stack import Stack
from shared.domain.caller import Role
from shared.domain.names import RECORDS
from tests.e2e.conftest import NewStack
from tests.e2e.visits import THERAPIST, Speech, Visit, assert_done, pieces_of, speech
from tests.engines import silence

pytestmark = pytest.mark.e2e

LONG: Speech = speech(0, 4)
SHORT: Speech = speech(0, 2)


CHANCE = random.Random(5)  # noqa: S311 (the same every time, and no secret)


def shuffled(pieces: list[Piece]) -> list[Piece]:
    return CHANCE.sample(pieces, len(pieces))


# ---- order -------------------------------------------------------------------------------------------------------


def test_shuffled_doubled_four_at_a_time_and_all_of_one_name(visit: Visit):
    pieces = pieces_of(LONG.stream(8))
    answers: dict[int | None, list[dict[str, Any]]] = defaultdict(list)

    def told(piece: Piece, answer: dict[str, Any]) -> None:
        answers[piece.index].append(answer)

    visit.therapist.upload_all(shuffled(pieces * 2), at_once=4, told=told, **visit.form)

    for both in answers.values():
        assert len(both) == 2
        assert both[0]["id"] == both[1]["id"]
        assert both[0]["file_url"] == both[1]["file_url"]
    assert len({both[0]["file_url"] for both in answers.values()}) == len(pieces)
    assert len({both[0]["id"] for both in answers.values()}) == len(pieces)
    assert assert_done(visit, LONG)["received"] == len(pieces)


def test_the_last_chunk_first_waits_for_the_rest(visit: Visit):
    *before, last = pieces_of(SHORT.stream(3))
    answer = visit.upload(last)
    assert (answer["state"], answer["missing"]) == ("receiving", [0, 1])
    visit.upload_each(before)
    assert_done(visit, SHORT)


def test_a_missing_chunk_is_named_until_it_comes(visit: Visit):
    pieces = pieces_of(SHORT.stream(4))
    visit.upload_each(piece for piece in pieces if piece.index != 1)
    status = visit.status()
    assert (status["state"], status["stage"], status["missing"]) == ("receiving", "upload", [1])
    assert visit.transcripts() == []
    answer = visit.upload(pieces[1])
    assert (answer["state"], answer["missing"]) == ("sealed", [])
    assert_done(visit, SHORT)


def test_an_announced_total_needs_no_mark(visit: Visit):
    first, last = (Piece(piece.content, piece.filename, piece.index) for piece in pieces_of(SHORT.files("wav")))
    assert visit.upload(last, total_chunks="2")["missing"] == [0]
    assert visit.upload(first, total_chunks="2")["state"] == "sealed"


def test_file_numbers_from_one_stand_in_for_indexes(visit: Visit):
    pieces = pieces_of(SHORT.stream(4, "wav"), "session-{n}.wav", indexed=False)
    [last, second, first, third] = [pieces[n] for n in (3, 1, 0, 2)]
    assert visit.upload(last)["missing"] == [1, 2, 3]
    assert visit.upload(second)["missing"] == [1, 3]
    visit.upload_each([first, third])
    assert_done(visit, SHORT)


def test_neither_index_nor_number_means_order_of_arrival(visit: Visit):
    visit.upload_each(pieces_of(SHORT.stream(5), "audio.webm", indexed=False))
    assert_done(visit, SHORT)


# ---- gaps and latecomers -----------------------------------------------------------------------------------------


def test_a_late_chunk_replaces_the_transcript_and_the_old_version_is_kept(visit: Visit, stack: Stack):
    pieces = pieces_of(LONG.files("wav"), "session-{n}.wav")
    visit.upload_each(piece for piece in pieces if piece.index != 2)
    assert visit.therapist.request("POST", f"sessions/{visit.name}/finalize").json()["state"] == "sealed"

    with_gap = assert_done(visit, LONG.without(2))
    assert [(gap["chunk"], gap["reason"]) for gap in with_gap["gaps"]] == [("2", "missing")]
    assert "[missing audio" in visit.text()

    assert visit.upload(pieces[2])["state"] == "sealed"

    whole = assert_done(visit, LONG)
    assert whole["gaps"] == []
    assert "[missing audio" not in visit.text()
    assert (whole["transcript_id"], whole["history_id"]) == (with_gap["transcript_id"], with_gap["history_id"])
    assert versions(stack, visit) == {"transcript": [1, 2], "history": [1, 2]}


def test_a_session_whose_end_never_comes_is_sealed_after_the_gap_timeout(new_stack: NewStack):
    stack = new_stack(LIMITS__GAP_TIMEOUT="PT3S")
    with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as therapist:
        visit = Visit("forgotten", therapist)
        first, second = pieces_of(SHORT.files("m4a"), "rec.m4a")
        visit.upload_each([first, Piece(second.content, second.filename, 1)])
        assert_done(visit, SHORT)


def test_garbage_in_one_chunk_is_a_named_gap(visit: Visit):
    contents = LONG.files("m4a")
    contents[1] = CHANCE.randbytes(20_000)
    visit.upload_each(pieces_of(contents, "rec.m4a"))
    status = assert_done(visit, LONG.without(1))
    assert [(gap["chunk"], gap["reason"]) for gap in status["gaps"]] == [("1", "undecodable")]
    assert "[missing audio" in visit.text()


def test_silence_makes_no_transcript_and_no_note(visit: Visit):
    visit.upload_each(pieces_of([silence(2000), silence(1000)], "rec.wav"))
    status = visit.follow()
    assert (status["state"], status["stage"], status["duration_ms"]) == ("skipped", None, 3000)
    assert (status["transcript_id"], status["history_id"]) == (None, None)
    assert visit.transcripts() == visit.histories() == []


def test_nothing_but_garbage_fails_for_good_and_again_on_retry(visit: Visit):
    visit.upload_each(pieces_of([CHANCE.randbytes(5000), CHANCE.randbytes(5000)], "rec.m4a"))
    for _ in range(2):
        status = visit.follow()
        assert (status["state"], status["stage"]) == ("failed", "transcribe")
        assert status["error"]["code"] == "audio_undecodable"
        assert visit.transcripts() == visit.histories() == []
        again = visit.therapist.request("POST", f"sessions/{visit.name}/retry")
        assert (again.status_code, again.json()["state"]) == (200, "sealed")
    assert visit.follow()["state"] == "failed"


def test_only_a_failed_session_can_be_retried(visit: Visit):
    visit.upload(pieces_of(SHORT.stream(2))[0])
    answer = visit.therapist.request("POST", f"sessions/{visit.name}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_failed")


# ---- recorders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorder", ["mp3-bare", "m4a-fragmented"])
def test_a_recorder_that_runs_on(visit: Visit, recorder: str):
    visit.upload_each(shuffled(pieces_of(SHORT.stream(3, recorder))))
    assert assert_done(visit, SHORT)["gaps"] == []


@pytest.mark.parametrize("recorder", ["mp3", "m4a"])
def test_a_recorder_that_starts_anew_for_each_chunk(visit: Visit, recorder: str):
    visit.upload_each(shuffled(pieces_of(SHORT.files(recorder))))
    assert assert_done(visit, SHORT)["gaps"] == []


def test_a_recorder_that_is_restarted_and_changes_its_format(visit: Visit):
    first, second, third, fourth = LONG.parts
    webm = Speech((first, second), LONG.turns[:2]).stream(3, "webm")
    mp4 = Speech((third,), LONG.turns[2:3]).stream(2, "m4a-fragmented")
    visit.upload_each(shuffled(pieces_of([*webm, *mp4, encode(fourth, RECORDERS["wav"])])))
    assert assert_done(visit, LONG)["gaps"] == []


def versions(stack: Stack, visit: Visit) -> dict[str, list[int]]:
    """The versions that stand in the records container, by kind."""
    found: dict[str, list[int]] = {"transcript": [], "history": []}
    for item in stack.container(RECORDS).query_items("SELECT * FROM c", partition_key=visit.relationship):
        kind = item["kind"].removesuffix("_version")
        if kind in found:
            found[kind].append(item["version"])
    return {kind: sorted(numbers) for kind, numbers in found.items()}


# ---- midnight ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Midnight:
    """A midnight of the app's clock."""

    machine_time: datetime
    """What the machine's clock says then (UTC)."""
    day_before: str
    """The app's date until then."""

    def wait(self) -> None:
        """Return once it has struck."""
        while (left := (self.machine_time - datetime.now(UTC)).total_seconds()) >= 0:
            time.sleep(left + 0.01)


def restart_before_midnight(stack: Stack, seconds_left: int) -> Midnight:
    """Start the host again with a clock by which it is so many seconds before midnight UTC."""
    stack.kill_host()
    now = datetime.now(UTC).replace(microsecond=0)
    midnight = now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    ahead = midnight - now - timedelta(seconds=seconds_left)
    stack.settings = {**stack.settings, "CLOCK__AHEAD": f"PT{int(ahead.total_seconds())}S"}
    stack.start_host()
    return Midnight(midnight - ahead, f"{now:%Y-%m-%d}")


def test_a_session_across_midnight_stays_in_the_folder_of_its_first_day(new_stack: NewStack):
    stack = new_stack()
    for seconds_left in (8, 30, 90):  # more, should the machine be so slow that the first chunk came after midnight
        midnight = restart_before_midnight(stack, seconds_left)
        with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as therapist:
            visit = Visit(f"midnight-{seconds_left}", therapist)
            first, *rest = pieces_of(SHORT.stream(3))
            day = visit.upload(first)["file_url"].split("/")[2]
            if day != midnight.day_before:
                continue
            midnight.wait()
            beyond = Visit(f"beyond-{seconds_left}", therapist)
            assert beyond.upload(first)["file_url"].split("/")[2] > day
            answers = visit.upload_each(rest)
            assert {answer["file_url"].split("/")[2] for answer in answers} == {day}
            assert_done(visit, SHORT)
            return
    pytest.fail("the first chunk never came before midnight")
