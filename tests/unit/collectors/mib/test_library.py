"""MIB folders in disorder: what is broken or missing is told by name, and the rest is read."""

from pathlib import Path

from collectors.mib.library import Library

HEAD = "{} DEFINITIONS ::= BEGIN\n"
OBJECT = (
    "{name} OBJECT-TYPE\n SYNTAX {syntax}\n MAX-ACCESS read-only\n STATUS current\n"
    ' DESCRIPTION "-- what it is; see other OBJECT-TYPE, and {name} ::= {{ a 1 }}"\n'
    " ::= {{ {place} }}\n"
)


def module(name: str, *parts: str) -> str:
    """Return a module's text."""
    return HEAD.format(name) + "\n".join(parts) + "\nEND\n"


def test_a_broken_definition_costs_itself_alone(tmp_path: Path) -> None:
    """It is told with file, line and name."""
    good = OBJECT.format(name="good", syntax="Integer32", place="enterprises 5 1 1")
    bad = OBJECT.format(name="bad", syntax="INTEGER { one(1) two((2) }", place="enterprises 5 1 2")
    (tmp_path / "A-MIB").write_text(module("A-MIB", bad, good))
    library = Library.open(tmp_path)

    found = library.of(["1.3.6.1.4.1.5.1.1.0", "1.3.6.1.4.1.5.1.2.0"])

    assert [each.name for each in found.values()] == ["good"]
    assert [note.partition(": ")[0] for note in library.notes] == ["A-MIB:2"]
    assert "bad" in library.notes[0]


def test_what_nobody_defines_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A module may stand on one that is not in the folder."""
    imports = "IMPORTS lost FROM LOST-MIB;"
    gone = OBJECT.format(name="gone", syntax="Integer32", place="lost 1")
    here = OBJECT.format(name="here", syntax="Unheard", place="enterprises 6")
    (tmp_path / "B.txt").write_text(module("B-MIB", imports, gone, here))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\x00")
    library = Library.open(tmp_path)

    found = library.of(["1.3.6.1.4.1.6.0"])

    assert [(each.name, each.syntax.name) for each in found.values()] == [("here", "Unheard")]
    assert any("B-MIB" in note and "LOST-MIB" in note for note in library.notes)
    assert any("picture.png" in note for note in library.notes)


def test_a_name_that_is_defined_twice_keeps_its_first_place(tmp_path: Path) -> None:
    """Vendors copy and forget; the module is read nevertheless."""
    first = OBJECT.format(name="twin", syntax="Integer32", place="enterprises 7 1")
    second = OBJECT.format(name="twin", syntax="Integer32", place="enterprises 7 2")
    (tmp_path / "C-MIB").write_text(module("C-MIB", first, second))

    found = Library.open(tmp_path).of(["1.3.6.1.4.1.7.1.0", "1.3.6.1.4.1.7.2.0"])

    assert list(found) == ["1.3.6.1.4.1.7.1"]


def test_names_that_stand_on_each_other_in_a_circle_have_no_place(tmp_path: Path) -> None:
    """And nobody waits for them."""
    one = OBJECT.format(name="one", syntax="Integer32", place="two 1")
    two = OBJECT.format(name="two", syntax="Integer32", place="one 1")
    (tmp_path / "D-MIB").write_text(module("D-MIB", one, two))

    library = Library.open(tmp_path)

    assert library.of(["1.3.6.1.4.1.7.1.0"]) == {}
    assert any("D-MIB: 2 of its names" in note for note in library.notes)


def test_one_file_may_hold_several_modules(tmp_path: Path) -> None:
    """And one module may refer to the other without an import."""
    one = module("E-MIB", "vendor OBJECT IDENTIFIER ::= { enterprises 8 }")
    two = module(
        "F-MIB", OBJECT.format(name="it", syntax="Gauge32 (0..5)", place="vendor box(3) 4")
    )
    (tmp_path / "both.my").write_text(one + two)

    found = Library.open(tmp_path).of(["1.3.6.1.4.1.8.3.4.0"])

    assert [each.name for each in found.values()] == ["it"]
