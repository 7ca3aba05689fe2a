"""The runner as a guest in somebody's process: what it finds there it leaves, and what it needs it has brought."""

import os
import pickle
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.bench.install import build_wheel
from edgedigits.models import shipped_file
from edgedigits.training.synthetic import draw_digit, synthetic_digits

DIGIT = 5
READ = f"""
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from edgedigits import EdgeDigitsError, Recognizer

path = sys.argv[1]
whole = Path(path).read_bytes()

def read_in_every_way():
    recognizer = Recognizer()
    recognizer.classify(np.zeros((3, 28, 28), np.uint8))
    with Image.open(path) as image:
        texts = [recognizer.read(picture).text for picture in (path, whole, image, np.asarray(image))]
    for wrong in (b"no picture", whole[:150], "absent.png"):
        try:
            recognizer.read(wrong)
        except EdgeDigitsError:
            texts.append("refused")
    return texts

ANSWERS = ["{DIGIT}"] * 4 + ["refused"] * 3
"""
WATCHED = """
import os, sys
import onnxruntime  # what it does is its own affair

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FORBIDDEN = "_thread. ctypes. fcntl. os. shutil. signal. socket. subprocess. tempfile. urllib.".split()
HARMLESS = "os.listdir os.scandir os.walk".split()
seen = []

def watch(event, arguments):
    if event == "open":
        if not isinstance(arguments[0], int) and arguments[2] & WRITING:
            seen.append((event, *map(str, arguments)))
    elif event.startswith(tuple(FORBIDDEN)) and event not in HARMLESS:
        seen.append((event, *map(str, arguments)))

sys.addaudithook(watch)
"""
WATCHED_TO_THE_END = """
print(read_in_every_way() == ANSWERS, seen)
import socket, subprocess
with open("written", "w"), socket.socket(), subprocess.Popen([sys.executable, "--version"], stdout=-3) as child:
    child.wait()
print({"open", "socket.__new__", "subprocess.Popen"} <= {event for event, *_ in seen})
"""
LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""
LIMITED_TO_THE_END = """
print(read_in_every_way() == ANSWERS, flush=True)
open("written", "w").write("by this, the end comes")
"""
UNASKED = """
import os
for name in ("CI", "ORT_DISABLE_TELEMETRY"):
    os.environ.pop(name, None)
"""
AT_HOME = """
before = dict(os.environ), len(os.listdir("/proc/self/task"))
print(read_in_every_way() == ANSWERS, before == (dict(os.environ), len(os.listdir("/proc/self/task"))))
print(*(link for file in Path("/proc/self/fd").iterdir() if (link := os.path.realpath(file)).startswith(sys.argv[2])))
"""
STATE = """
import atexit, decimal, gc, locale, logging, os, random, signal, socket, sys, threading, warnings
import numpy as np
import onnxruntime
from PIL import Image

def count(folder):
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0

def state():
    loggers = [logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    return {
        "loggers": [(logger.name, logger.level, logger.handlers[:]) for logger in loggers if logger.handlers],
        "levels": [(logger.name, logger.level) for logger in loggers if logger.level],
        "logging": (logging.root.manager.disable, logging.raiseExceptions),
        "warnings": (warnings.filters[:], warnings.showwarning),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "locale": locale.setlocale(locale.LC_ALL),
        "random": (random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2:]),
        "numpy": (np.geterr(), np.geterrcall(), np.get_printoptions()),
        "decimal": repr(decimal.getcontext()),
        "denormals": float(np.float32(1e-40) * np.ones(9, np.float32)[4]),
        "Pillow": Image.MAX_IMAGE_PIXELS,
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count()),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.gettrace(), sys.getprofile()),
        "exits": atexit._ncallbacks(),
        "imports": (sys.path[:], sys.meta_path[:], sys.path_hooks[:]),
        "limits": (sys.getrecursionlimit(), sys.getswitchinterval(), socket.getdefaulttimeout()),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "folder": os.getcwd(),
        "umask": (mask := os.umask(0o22), os.umask(mask)),
        "cores": os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None,
        "files": count("/proc/self/fd"),
        "threads": count("/proc/self/task"),
    }

Image.init()  # the host's own: what is counted is what comes on top
before = state()
"""
STATE_AT_THE_END = """
print(read_in_every_way() == ANSWERS, *(what for what, now in state().items() if now != before[what]))
"""
HOMELESS = """
import os
if os.name == "posix":
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")
sys.stdin = sys.stdout = sys.stderr = None
for stream in range(3):
    os.close(stream)
os._exit(read_in_every_way() != ANSWERS)
"""
STRICT = """
import warnings
warnings.simplefilter("error")
assert read_in_every_way() == ANSWERS
"""
ZIPPED = """
import sys
sys.path.insert(0, sys.argv[2])
"""
ZIPPED_TO_THE_END = """
import edgedigits
print(read_in_every_way() == ANSWERS, edgedigits.__file__.startswith(sys.argv[2]))
"""
AT_ONCE = """
import sys, threading
import onnxruntime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

paths = sys.argv[1:]
ready = threading.Barrier(len(paths))

def read(path):
    ready.wait()
    from edgedigits import Recognizer
    return Recognizer().read(path).text

with ThreadPoolExecutor(len(paths)) as threads:
    print(*threads.map(read, paths))
"""
GROWING = """
import sys
import numpy as np
from pathlib import Path
from edgedigits import EdgeDigitsError, Recognizer
from edgedigits.bench.processes import grown
from edgedigits.training.synthetic import synthetic_digits

recognizer = Recognizer()
picture = Path(sys.argv[1]).read_bytes()
frames, _ = synthetic_digits(20, seed=1)

def refuse(wrong):
    try:
        recognizer.read(wrong)
    except EdgeDigitsError:
        pass
"""


LONG = """
import numpy as np
from pathlib import Path
from edgedigits import Recognizer
from edgedigits.training.synthetic import synthetic_digits

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

recognizer = Recognizer("amount")
recognizer.warmup()
before, (frames, _) = held(), synthetic_digits(200, seed=1)
for count in (150, 180, 170):
    page = np.full((60, 22 * count + 40), 255, np.uint8)
    page[16:44, 20:-20] -= np.concatenate(frames[:count, :, 3:25], axis=1)
    (line,) = recognizer.read(page).lines
    assert line.reason != "too long" and len(line.digits) > count / 2, (line.reason, line.text)
print(held() - before)
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "digit.png"
    Image.fromarray(255 - draw_digit(DIGIT, np.random.default_rng(1), 56)).save(path)
    return path


def test_it_writes_no_file_asks_no_network_and_starts_no_program(program, picture):
    # -B: where Python keeps its bytecode is between it and the host.
    done = program(sys.executable, "-B", "-c", WATCHED + READ + WATCHED_TO_THE_END, picture)
    assert done.out == "True []\nTrue\n", done.err


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are those of POSIX")
def test_it_reads_where_no_file_can_be_written(program, picture):
    nowhere = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), "/dev/null/nowhere")
    done = program(sys.executable, "-B", "-c", LIMITED + READ + LIMITED_TO_THE_END, picture, **nowhere)
    assert (done.out, done.code) == ("True\n", -signal.SIGXFSZ), done.err


@pytest.mark.skipif(sys.platform != "linux", reason="threads and open files are looked up in /proc")
def test_onnxruntime_comes_without_its_telemetry(program, picture, tmp_path):
    """From 1.29 on, it opens a data base at home and tells its maker of sessions, unless it is asked not to."""
    home = tmp_path / "home"
    home.mkdir()
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(home))
    done = program(sys.executable, "-B", "-c", UNASKED + READ + AT_HOME, picture, home, **places)
    assert done.out == "True True\n\n", done.err
    assert list(home.rglob("*")) == []


def test_all_that_a_process_has_in_common_stays_as_it_was(program, picture):
    done = program(sys.executable, "-c", STATE + READ + STATE_AT_THE_END, picture)
    assert done.out == "True\n", done.err


def test_it_needs_no_streams_and_no_folder_to_stand_in(program, picture):
    assert program(sys.executable, "-c", READ + HOMELESS, picture) == (0, "", "")


def test_no_warning_comes_of_it_and_nothing_is_left_open(program, picture):
    assert program(sys.executable, "-X", "dev", "-c", READ + STRICT, picture) == (0, "", "")


def test_it_runs_out_of_its_wheel_without_an_install(program, picture, tmp_path):
    wheel = build_wheel(tmp_path)
    done = program(sys.executable, "-c", ZIPPED + READ + ZIPPED_TO_THE_END, picture, wheel)
    assert done.out == "True True\n", done.err


def test_the_first_readings_may_come_from_many_threads_at_once(program, tmp_path):
    texts, paths = [], []
    for i, suffix in enumerate(("png", "jpg", "bmp", "gif", "tif", "webp") * 2):
        path = tmp_path / f"{i}.{suffix}"
        Image.fromarray(255 - draw_digit(i % 10, np.random.default_rng(1), 56)).save(path)
        paths.append(path)
        texts.append(Recognizer().read(path).text)
    assert len(set(texts)) == 10
    done = program(sys.executable, "-c", AT_ONCE, *paths)
    assert done.out.split() == texts, done.err


@pytest.mark.parametrize(
    ("act", "n"),
    [
        ("recognizer.classify(frames[i % 20 : i % 20 + 1])", 20_000),
        ("recognizer.classify(frames[i % 20 :])", 5_000),
        ("recognizer.read(picture)", 5_000),
        ("refuse(picture[: 150 + i % 50])", 5_000),
    ],
)
def test_memory_does_not_grow_with_readings(program, picture, act, n):
    done = program(sys.executable, "-c", f"{GROWING}\nprint(grown(lambda i: {act}, {n}))", picture)
    assert int(done.out) < 1 << 20, done.err


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is looked up in /proc")
def test_the_memory_that_a_number_of_many_digits_takes_is_given_back(program):
    done = program(sys.executable, "-c", LONG)
    assert int(done.out) < 32 << 20, done.err


def test_a_model_that_changes_on_disk_changes_nothing_in_a_process_that_has_read_it(tmp_path):
    path, (frames, _) = tmp_path / "mine.onnx", synthetic_digits(50, seed=1)
    path.write_bytes(shipped_file("nano").read_bytes())
    recognizer = Recognizer(path)
    before, card = recognizer.classify(frames).probabilities, recognizer.card
    for change in (
        lambda: os.truncate(path, 100),
        lambda: path.write_bytes(shipped_file("paper").read_bytes()),
        path.unlink,
    ):
        change()
        for same in (recognizer, pickle.loads(pickle.dumps(recognizer))):
            np.testing.assert_array_equal(same.classify(frames).probabilities, before)
            assert same.card == card
