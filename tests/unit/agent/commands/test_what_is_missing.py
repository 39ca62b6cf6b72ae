"""What commands say of options that do not go together, and of files that they would spoil."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import rackproof

WALK = ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.99999.1\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--auth SHA-256", "--auth needs --auth-password-file, or RACKPROOF_AUTH_PASSWORD to be"),
        ("--privacy AES-128", "--privacy needs --auth as well"),
        ("--auth SHA-256 --auth-password-file nowhere", "nowhere: No such file or directory"),
    ],
)
def test_a_user_without_all_that_it_needs_is_told_what_is_missing(options: str, said: str) -> None:
    """In the words of the options, not of what they become."""
    command = f"probe 127.0.0.1 --version 3 --user burnin {options}"
    done = CliRunner().invoke(rackproof, command.split(), env={"RACKPROOF_AUTH_PASSWORD": None})
    assert done.exit_code == 2
    assert said in done.output


def test_a_draft_does_not_replace_what_somebody_went_through(tmp_path: Path) -> None:
    """Draft twice into one file."""
    walk, output = tmp_path / "walk.txt", tmp_path / "acme.yaml"
    walk.write_text(WALK)
    output.write_text("reviewed")
    command = ["profile", "draft", str(walk), "--mibs", str(tmp_path), "-o", str(output)]
    done = CliRunner().invoke(rackproof, command)
    assert done.exit_code == 2
    assert "exists" in done.output
    assert output.read_text() == "reviewed"
