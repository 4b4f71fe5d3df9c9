"""A finished session is heard and read again, with its speakers called what they are."""

import io

import av
import pytest

from tests.e2e.problems import assert_problem
from tests.e2e.visits import Visit, assert_done, pieces_of, speech

pytestmark = pytest.mark.e2e

SAID = speech(0, 2)


def played(visit):
    """The session, to its end."""
    visit.upload_each(pieces_of(SAID.stream(2)))
    assert_done(visit, SAID)
    return visit


@pytest.fixture(scope="module")
def finished(therapist):
    return played(Visit("finished", therapist))


def test_the_audio_can_be_played_whole_and_in_parts(finished):
    path = f"sessions/{finished.name}/audio"
    whole = finished.therapist.request("GET", path)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/flac"
    with av.open(io.BytesIO(whole.content), "r") as file:
        seconds = sum(frame.samples for frame in file.decode(audio=0)) / 16_000
    assert abs(seconds - len(SAID.samples) / 16_000) < 0.1
    part = finished.therapist.request("GET", path, headers={"Range": "bytes=100-299"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole.content)}"
    assert part.content == whole.content[100:300]
    again = finished.therapist.request("GET", path, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304


def test_named_speakers_stand_in_transcript_and_captions(visit):
    played(visit)
    path = f"sessions/{visit.name}"
    named = visit.therapist.request("PUT", f"{path}/speakers", json={"Speaker 1": "Therapist", "Speaker 2": "Zoë"})
    assert named.status_code == 204, named.text
    assert visit.text().startswith("Therapist: Good afternoon")
    assert "\nZoë: Honestly" in visit.text()
    assert "<v Zoë>" in visit.therapist.request("GET", f"{path}/captions.vtt").text
    assert "\nZoë: Honestly" in visit.therapist.request("GET", f"{path}/captions.srt").text
    undone = visit.therapist.request("PUT", f"{path}/speakers", json={"Speaker 2": "Speaker 2"})
    assert undone.status_code == 204
    assert "\nSpeaker 2: Honestly" in visit.text()
    assert visit.text().startswith("Therapist: ")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"Speaker 9": "Zoë"}, "unknown_speaker"),
        ({"Speaker 1": ""}, "invalid_input"),
        ({"Speaker 1": "a: b"}, "invalid_input"),
        ({"Speaker 1": "two\nlines"}, "invalid_input"),
        ({"Speaker 1": "x" * 65}, "invalid_input"),
        ({"Speaker 1": 7}, "invalid_input"),
        ([], "invalid_input"),
    ],
)
def test_names_that_cannot_be_are_refused(finished, names, code):
    refused = finished.therapist.request("PUT", f"sessions/{finished.name}/speakers", json=names)
    assert_problem(refused, 400, code)
    assert finished.text().startswith("Speaker 1: ")


def test_a_session_without_audio_or_transcript_says_so(visit):
    visit.upload(pieces_of(SAID.stream(2))[0])
    for path in ("audio", "captions.vtt"):
        assert visit.therapist.request("GET", f"sessions/{visit.name}/{path}").status_code == 404
