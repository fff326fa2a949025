"""The tables of trial votes, and what is known of people by what they chose."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from bot.store.columns import Id, Utc, metadata

votes = Table(
    "votes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("question", JSON, nullable=False),  # by language
    Column("options", JSON, nullable=False),  # a list of {"id", "tag", "zh", "en"}
    Column("prize", JSON, nullable=False),  # by language; empty: nothing is drawn
    Column("winners", Integer, nullable=False, default=0),
    Column("audiences", JSON, nullable=False),  # channels and chats that are asked
    Column("status", String(10), nullable=False, default="draft"),
    # draft | planned | open | closed | drawn | cancelled
    Column("seed", String(64), nullable=False),  # of the draw: only its hash is told before it
    Column("last_entry", Integer, nullable=False, default=0, server_default="0"),  # the last number that was given out
    Column("made_by", String(100), nullable=False, default="", server_default=text("''")),
    Column("approved_by", String(100), nullable=False, default="", server_default=text("''")),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False, index=True),
)
ballots = Table(  # what a person chose; of several people who are one customer the newest choice counts
    "vote_ballots",
    metadata,
    Column("vote_id", Id, ForeignKey("votes.id"), primary_key=True),
    Column("entry", Integer, primary_key=True, autoincrement=False),  # its number in the draw
    Column("person_id", Id, ForeignKey("persons.id")),  # none: they were erased
    Column("identity_id", Id, ForeignKey("identities.id")),  # by which account
    Column("option", String(64), nullable=False),  # empty: taken back
    Column("voted_at", Utc, nullable=False),
    Column("counted", Boolean),  # none until the vote is closed
    Column("place", Integer),  # of a winner, from 1; 0: passed over in the draw
    UniqueConstraint("vote_id", "person_id", name="uq_vote_ballots_vote_person"),
    Index("ix_vote_ballots_person", "person_id"),
)
