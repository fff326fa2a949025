"""The words of a vote's announcements: what is asked, what came of it, and who has won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.campaigns.draw import Drawn, commitment, ranges
from bot.knowledge.entries import version_of
from bot.messages import OPENS_CHAT, Choice, Source
from bot.skills import shown
from bot.skills.ballot import VOTE, VOTE_LINK
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.voice import Spoken, Voice


@dataclass(frozen=True, slots=True)
class VoteWords:
    """Words them in any language."""

    voice: Voice
    zone: ZoneInfo

    def ask(self, language: str, vote: AnyRow, *, poll: bool, link: str = "") -> Spoken:
        """Return the question: with a button for each option, as a `poll`, or with a `link` to where it is asked."""
        fields = {**self._fields(language, vote), "vote.link": link}
        phrase = "votes.ask_poll" if poll else "votes.ask_link" if link else "votes.ask"
        choices = () if poll or link else choices_of(vote.id, vote.options, language)
        says = [Say("votes.prize", fields)] if vote.winners else []
        return self._speak([*says, Say(phrase, fields, choices)], language, vote)

    def result(self, language: str, vote: AnyRow, tally: Mapping[str, int], entries: Sequence[int]) -> Spoken:
        """Return how many have chosen what, the most first, and which `entries` are in the draw if there is one."""
        total = sum(tally.values())
        says = [Say("votes.result", {**self._fields(language, vote), "vote.total": str(total)})]
        for option in sorted(vote.options, key=lambda one: -tally.get(one["id"], 0)):
            count = tally.get(option["id"], 0)
            percent = str(round(100 * count / total)) if total else "0"
            said = {"vote.option": shown.name(labels(option), language), "vote.count": str(count)}
            says.append(Say("votes.line", {**said, "vote.percent": percent}))
        return self._speak([*says, *_among(vote, entries)], language, vote)

    def winners(
        self, language: str, vote: AnyRow, came: Drawn, *, opens_chat: bool, among: Sequence[int] = ()
    ) -> Spoken:
        """Return the numbers that have won, and the seed by which anybody can draw them again.

        Args:
            among: the numbers that were in the draw, where they were not told with the result.
        """
        numbers = ("、" if language == "zh" else ", ").join(map(str, came.winners))
        fields = {**self._fields(language, vote), "vote.numbers": numbers, "vote.seed": vote.seed}
        label = self.voice.knowledge.phrases["votes.my_number", language].text
        choices = (Choice(f"{OPENS_CHAT}{VOTE_LINK}{vote.id}", label),) if opens_chat else ()
        passed = [Say("votes.passed", {"vote.numbers": ranges(came.passed_over)})] if came.passed_over else []
        return self._speak([*_among(vote, among), Say("votes.winners", fields, choices), *passed], language, vote)

    def stands(self, language: str, vote: AnyRow, outcome: str, option: str, entry: int) -> str:
        """Return how one's own vote stands: `yours`, `not_begun`, `over`, or `not_open` if it could not be taken.

        Args:
            option: the one that counts.
            entry: its number in the draw, 0 where there is none.
        """
        named = next((shown.name(labels(one), language) for one in vote.options if one["id"] == option), "")
        says = [Say(f"votes.{outcome}", {**self._fields(language, vote), "vote.option": named})]
        says += [Say("votes.number", {"vote.entry": str(entry)})] if entry and outcome == "yours" else []
        return self._speak(says, language, vote).text

    def won(self, language: str, vote: AnyRow, entry: int) -> Spoken:
        """Return what a winner is told in private."""
        fields = {**self._fields(language, vote), "vote.entry": str(entry)}
        return self._speak([Say("votes.won", fields)], language, vote)

    def _fields(self, language: str, vote: AnyRow) -> dict[str, str]:
        return {
            "vote.question": shown.name(vote.question, language),
            "vote.prize": shown.name(vote.prize, language),
            "vote.winners": str(vote.winners),
            "vote.starts": shown.time_of(vote.starts_at, language, self.zone),
            "vote.ends": shown.time_of(vote.ends_at, language, self.zone),
            "vote.commitment": commitment(vote.seed),
        }

    def _speak(self, says: Sequence[Say], language: str, vote: AnyRow) -> Spoken:
        source = Source(f"vote:{vote.id}", version_of(*vote.question.values(), str(vote.options)))
        spoken = self.voice.speak(says, language)
        return Spoken(spoken.text, spoken.choices, (*spoken.sources, source))


def _among(vote: AnyRow, entries: Sequence[int]) -> list[Say]:
    return [Say("votes.among", {"vote.numbers": ranges(entries)})] if vote.winners and entries else []


def labels(option: Mapping[str, str]) -> dict[str, str]:
    """Return what an option is called, by language."""
    return {language: option[language] for language in ("zh", "en")}


def choices_of(vote_id: str, options: Sequence[Mapping[str, str]], language: str) -> tuple[Choice, ...]:
    return tuple(Choice(f"{VOTE}{vote_id}:{one['id']}", shown.name(labels(one), language)) for one in options)
