"""What the files beside a record tell of whoever ran it."""

import pytest
from sent_records import METHOD, send, sent

from adabench.cli.leaderboard import command
from adabench.leaderboard.acceptance.accept import RefusedError, accept

# Made up, and put together here, so that no patch that holds this file holds a key.
KEYS = [
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "TOKEN = '" + "hf_" + "a1B2" * 9 + "'",
    "git clone https://" + "ghp_" + "a1B2" * 9 + "@github.com/x/y",
    "AWS = " + "AKIA" + "Z" * 16,
    'client = Client("' + "sk-" + "proj-" + "a1B2" * 9 + '")',
    "pass" + 'word = "correct-horse"',
    "API_" + "KEY: 'abcdefgh12'",
]
PLAIN = [
    "def tokens(text, eos_token='<|endoftext|>'): pass",
    "import secrets",
    "key = hf_hub_download(repo, 'weights.bin')",
    "pass" + "word = getpass()",
]
PATCH = """# new, left out: patients/John Doe.mp4
# new, left out: b.csv
diff --git a/adabench/x y.py b/adabench/x y.py
--- a/adabench/x y.py
+++ b/adabench/x y.py
@@ -1 +1,2 @@
 one
+{}
diff --git "a/\\303\\274.py" "b/\\303\\274.py"
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def with_patch(line, name="changes.patch"):
    return {**sent()[1], name: PATCH.format(line)}


@pytest.mark.parametrize("name", ["changes.patch", "code.patch", "environment.txt"])
@pytest.mark.parametrize("line", KEYS)
def test_what_looks_like_a_key_is_refused(root, line, name):
    path = send(root / "local", files=with_patch(line, name))
    with pytest.raises(RefusedError, match="line 8, holds what looks like a key") as caught:
        accept(path, root)
    assert line not in str(caught.value)
    assert path.is_file()


def test_a_key_in_the_record_itself_is_refused(root):
    path = send(root / "local", notes=[KEYS[1]])
    with pytest.raises(RefusedError, match="it, line 1, holds what looks like a key"):
        accept(path, root)


@pytest.mark.parametrize("line", PLAIN)
def test_add_tells_what_its_patch_shows(root, line, capsys):
    path = send(root / "local", files=with_patch(line))
    assert command(["add", str(path), "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "changes.patch shows everybody adabench/x y.py, \\303\\274.py" in told
    assert "changes.patch names, without their content, patients/John Doe.mp4, b.csv" in told


FOLDERS = ["/home/alice/clip", "/Users/Alice/w", "C:\\Users\\alice\\w", "file:///home/alice/w"]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("where", ["notes", "config"])
def test_a_folder_of_the_sender_is_taken_on_purpose_only(root, folder, where, capsys):
    changes = {"notes": [f"weights of {folder}"]} if where == "notes" else {}
    method = {**METHOD, "where": folder} if where == "config" else METHOD
    path = send(root / "local", run={"method": method}, **changes)
    with pytest.raises(RefusedError, match="a folder of its sender's machine"):
        accept(path, root)
    assert command(["add", str(path), "--root", str(root), "--allow-dirty"]) == 0
    assert "a folder of its sender's machine" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["at home/alice", "/homework/a", "users: 3", "read from /data/clip"]
)
def test_other_paths_are_nobodys(root, text):
    assert accept(send(root / "local", notes=[text]), root)
