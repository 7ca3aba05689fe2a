import os
import signal
import threading

import pytest

from edgedigits.training.interrupts import uninterrupted


@pytest.fixture(autouse=True)
def handler():
    """Ctrl-C as a program in a terminal hears it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def fail():
    raise RuntimeError


def run_uninterrupted(*steps):
    with uninterrupted():
        for step in steps:
            step()


def test_an_interrupt_is_heard_at_the_end():
    done = []
    with pytest.raises(KeyboardInterrupt):
        run_uninterrupted(interrupt, lambda: done.append(True))
    assert done


def test_a_second_one_is_heard_at_once():
    done = []
    with pytest.raises(KeyboardInterrupt):
        run_uninterrupted(interrupt, interrupt, lambda: done.append(True))
    assert not done


def test_none_is_made_up():
    run_uninterrupted()


def test_an_error_is_told_but_where_an_interrupt_may_have_caused_it():
    with pytest.raises(RuntimeError):
        run_uninterrupted(fail)
    with pytest.raises(KeyboardInterrupt):
        run_uninterrupted(interrupt, fail)


def test_who_handles_interrupts_otherwise_is_left_to_it():
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(True))
    with uninterrupted():
        interrupt()
        assert heard
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_in_another_thread_nothing_is_changed():
    def inside():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    seen = []
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
