"""Fetches a model's weights from Hugging Face as they are at one commit: fetch.py REPOSITORY COMMIT FOLDER PLACE.

The files are fetched into FOLDER; PLACE, for messages, is where they have to be in the end.
A token, if there is one, comes on standard input. What is said on standard output is for the step that started it: lines
`progress TEXT`; at the end `digest SHA-256`, of the list that sha256sum makes of all files, or three lines `failure TEXT`:
what, why, way out. A run that was killed is taken up where it was, file by file.
"""

import errno
import hashlib
import os
import re
import shutil
import sys
import threading
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

# Numbers, and what names and counts them; at the top of the repository, where engines look.
TAKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(safetensors|json|jinja|model|tiktoken)|merges\.txt|vocab\.txt")
# Code, and formats that can run code when they are read.
CODE = re.compile(r".*\.(py|pyc|so|sh|bin|pt|pth|pkl|pickle|ckpt|h5|keras|msgpack|joblib|npy|npz)")
# A file that is cut off begins anew, so only a few are under way at once.
AT_ONCE = 4
SECONDS_BETWEEN_NEWS = 20


class Refused(Exception):
    """What, why and way out."""


def main(repository, commit, folder, _place):
    token = sys.stdin.read().strip() or False
    folder = Path(folder)
    files = taken(repository, commit, tree(repository, commit, token))
    remove_the_rest(folder, files)
    require_room(repository, folder, files)
    with News(folder, sum(file.size for file in files)):
        snapshot_download(
            repository,
            revision=commit,
            local_dir=folder,
            token=token,
            allow_patterns=[file.path for file in files],
            max_workers=AT_ONCE,
        )
    say("progress", "compare all files with what Hugging Face says of them")
    say("digest", verified(repository, folder, files))


def say(kind, text):
    print(kind, " ".join(str(text).split()), flush=True)


def tree(repository, commit, token):
    entries = HfApi(token=token).list_repo_tree(repository, recursive=True, revision=commit)
    return [entry for entry in entries if isinstance(entry, RepoFile)]


def taken(repository, commit, files):
    """The files that are fetched; tells which are not."""
    chosen = [file for file in files if TAKEN.fullmatch(file.path)]
    # Some publish the same weights twice, the second time for a library of their own.
    if any(re.fullmatch(r"model.*\.safetensors", file.path) for file in chosen):
        chosen = [file for file in chosen if not re.fullmatch(r"consolidated.*\.safetensors", file.path)]
    rest = sorted({file.path for file in files} - {file.path for file in chosen})
    code = [path for path in rest if CODE.fullmatch(path)]
    if not any(file.path.endswith(".safetensors") for file in chosen):
        raise Refused(
            f"{repository} has no weights that are taken",
            f"at commit {commit[:12]} it has no *.safetensors, but {some(rest)}",
            "name a repository with safetensors, which hold numbers alone; other formats can run code when they are read: "
            "convert them on a machine apart, and give the result as folder:<path on the host>",
        )
    if code:
        say("progress", f"not taken, since it is code or can hold it: {some(code)}")
    if len(rest) > len(code):
        say("progress", f"not needed: {some([path for path in rest if path not in code])}")
    return sorted(chosen, key=lambda file: file.path)


def some(paths):
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return (", ".join(paths[:5]) or "nothing") + more


def remove_the_rest(folder, files):
    """What a killed run was writing has a name of its own, which nobody takes up again."""
    for path in (folder / ".cache").rglob("*.incomplete"):
        path.unlink()
    known = {file.path for file in files} | {".cache"}
    for path in folder.iterdir():
        if path.name not in known:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def require_room(repository, folder, files):
    there = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    needed = sum(file.size for file in files if there.get(file.path) != file.size)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise Refused(
            f"{repository} does not fit on the disk",
            f"{sizes(needed)} are to be fetched, and {sizes(free)} are free at {folder}",
            "free some space, or mount a larger disk at /opt/llm/models; what has been fetched is kept for the next up",
        )


def sizes(count):
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


class News:
    """Says how far it has come, from time to time."""

    def __init__(self, folder, total):
        self.folder, self.total, self.done = folder, total, threading.Event()

    def __enter__(self):
        threading.Thread(target=self.tell, daemon=True).start()

    def __exit__(self, *_):
        self.done.set()

    def tell(self):
        while not self.done.wait(SECONDS_BETWEEN_NEWS):
            there = 0
            for path in self.folder.rglob("*"):
                try:
                    there += path.stat().st_size if path.is_file() else 0
                except FileNotFoundError:  # It has just got its own name.
                    pass
            say("progress", f"{sizes(there)} of {sizes(self.total)}")


def verified(repository, folder, files):
    """The digest of the list of checksums. The client itself compares sizes alone.

    Of a large file the Hub names the SHA-256, of a small one what git calls it by.
    """
    listing, faulty = "", []
    for file in files:
        path = folder / file.path
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        expected, found = (file.lfs.sha256, sha256) if file.lfs else (file.blob_id, git_name(path))
        if found != expected:
            # So that the next run fetches it anew.
            path.unlink()
            faulty.append(f"{file.path}: {found[:12]}…, not {expected[:12]}…")
        listing += f"{sha256}  {file.path}\n"
    if faulty:
        raise Refused(
            f"files of {repository} are not what they have to be",
            "; ".join(faulty),
            "the faulty ones were deleted: run up again; where that does not help, something on the way, such as a proxy "
            "or mirror, hands out other files",
        )
    return hashlib.sha256(listing.encode()).hexdigest()


def git_name(path):
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def chain(error):
    """The error and what it came of: the client wraps what it cannot explain."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def refusal(error, repository, commit, place):
    """What, why and way out for whatever went wrong."""
    page = f"https://huggingface.co/{repository}"
    token = (
        "give it encrypted in the stack file: source <(npm run -s env -- <stack>), then pulumi config set --secret "
        "tms-llm:huggingFaceToken --stack <stack>"
    )
    causes = list(chain(error))
    first = lambda kind: next((cause for cause in causes if isinstance(cause, kind)), None)
    text = str(error) or type(error).__name__
    if first(Refused):
        return first(Refused).args
    if any(isinstance(cause, OSError) and cause.errno == errno.ENOSPC for cause in causes) or "No space left" in text:
        return (
            f"the disk is full, and {repository} is not there yet",
            text,
            "free some space, or mount a larger disk at /opt/llm/models; what has been fetched is kept for the next up",
        )
    if first(GatedRepoError):
        return (
            f"{repository} is given only to those who have accepted its terms",
            said_by_hub(first(GatedRepoError)),
            f"accept them on {page} with your account, make a token of that account that may read gated repositories "
            f"(https://huggingface.co/settings/tokens), and {token}",
        )
    if first(RevisionNotFoundError):
        return (
            f"{repository} has no commit {commit}",
            said_by_hub(first(RevisionNotFoundError)),
            f"git ls-remote {page} main prints the newest; correct the model's source in the stack file",
        )
    if first(RepositoryNotFoundError):
        return (
            f"there is no repository {repository}, or it is private",
            said_by_hub(first(RepositoryNotFoundError)),
            f"look whether {page} is there, and correct the model's source; for a private one make a token that may read "
            f"it, and {token}",
        )
    answer = first(HfHubHTTPError)
    if answer is not None:
        status = answer.response.status_code
        ways = {
            401: f"the token is not taken: make a new one, and {token}",
            403: f"the token may not read it: make one that may read gated repositories, and {token}",
            429: f"too many requests came from the host's address: wait some minutes and run up again; with a token more are allowed: {token}",
        }
        return (
            f"{constants.ENDPOINT} does not hand out {repository}",
            f"HTTP {status}: {said_by_hub(answer)}",
            ways.get(status, "run up again later; https://status.huggingface.co tells of faults there"),
        )
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in causes):
        return (
            f"the certificate of {constants.ENDPOINT} is not trusted",
            text,
            "put the certificate of its authority into the host's store (/usr/local/share/ca-certificates, then "
            "update-ca-certificates)",
        )
    if text.startswith("Consistency check failed"):
        return (f"a file of {repository} came incomplete", text, "run up again: what is whole is kept")
    if first(httpx2.HTTPError) or first(OSError):
        proxy = os.environ.get("https_proxy")
        return (
            f"no way to {constants.ENDPOINT}",
            f"{text} (by the proxy {proxy}, unless network.noProxy has the server)" if proxy else text,
            "see that the host reaches it, directly or by network.proxy; mirrors.huggingFace names another server; or, "
            f"for a host without a way out, put the files at {place} yourself and set the model's download to false; "
            "what has been fetched is kept for the next up",
        )
    return (f"{repository} could not be fetched", f"{type(error).__name__}: {text}", "on the host: journalctl -t tms-llm")


def said_by_hub(error):
    return getattr(error, "server_message", None) or str(error).splitlines()[0]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # Whatever it is, people are told what to do about it.
        for line in refusal(error, sys.argv[1], sys.argv[2], sys.argv[4]):
            say("failure", line)
        sys.exit(1)
