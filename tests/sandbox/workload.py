"""What models do, each part by itself: result = {part: "ok" or what went wrong}. Run as a model by sandbox_test.py."""
import asyncio
import concurrent.futures
import errno
import mmap
import multiprocessing
import multiprocessing.shared_memory
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

TMP = __file__.rsplit("/repo", 1)[0] + "/tmp"


def square(x):
    return x * x


def fill(name):
    block = multiprocessing.shared_memory.SharedMemory(name=name)
    block.buf[0] = 7
    block.close()


def pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        assert workers.map(square, range(8)) == [square(i) for i in range(8)]


def manager():
    with multiprocessing.Manager() as shared:
        assert shared.dict(a=1)["a"] == 1


def queue_and_locks():
    queue, lock = multiprocessing.Queue(), multiprocessing.Lock()
    process = multiprocessing.Process(target=lambda: queue.put(os.getpid()))
    with lock:
        process.start()
    assert queue.get(timeout=20) == process.pid
    process.join()


def shared_memory():
    block = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
    process = multiprocessing.get_context("spawn").Process(target=fill, args=(block.name,))
    process.start()
    process.join()
    assert block.buf[0] == 7 and process.exitcode == 0
    block.close()
    block.unlink()


def executors():
    with concurrent.futures.ProcessPoolExecutor(2) as workers:
        assert list(workers.map(square, range(4))) == [0, 1, 4, 9]
    with concurrent.futures.ThreadPoolExecutor(8) as workers:
        assert list(workers.map(square, range(4))) == [0, 1, 4, 9]


def subprocesses():
    assert subprocess.check_output(["sh", "-c", "echo a | cat | sort | head -n 1"]) == b"a\n"
    subprocess.run(["true"], check=True, start_new_session=True)
    child = subprocess.Popen(["sleep", "60"])
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == -signal.SIGTERM
    subprocess.run(["bash", "-c", "cp /etc/passwd %s/copy && ls -la %s | wc -l && date && nproc && find /etc/passwd" % (TMP, TMP)],
                   check=True, capture_output=True)


def asynchronous():
    async def main():
        process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        assert (await process.communicate(b"hi"))[0] == b"hi"
        server = await asyncio.start_unix_server(lambda r, w: w.close(), os.path.join(TMP, "socket"))
        reader, writer = await asyncio.open_unix_connection(os.path.join(TMP, "socket"))
        assert await reader.read() == b""
        writer.close()
        server.close()
        await asyncio.gather(*(asyncio.to_thread(square, i) for i in range(4)), asyncio.sleep(0.01))
    asyncio.run(main())


def databases():
    with sqlite3.connect(os.path.join(TMP, "a.db")) as base:
        base.execute("pragma journal_mode=wal")
        base.execute("create table t (x)")
        base.executemany("insert into t values (?)", [(i,) for i in range(1000)])
        assert base.execute("select sum(x) from t").fetchone() == (499500,)


def files():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "a")
        with open(path, "wb") as f:
            f.write(os.urandom(1 << 20))
        shutil.copy2(path, path + "2")
        shutil.copytree(directory, os.path.join(TMP, "tree"))
        os.truncate(path, 10)
        os.utime(path)
        with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as view:
            view[0] = 1
            view.flush()
        os.mkfifo(path + "3")
    ends = socket.socketpair()
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    socket.send_fds(ends[0], [b"x"], [0])
    os.close(socket.recv_fds(ends[1], 1, 1)[1][0])


def copies():
    """What pathlib's Path.copy() of Python 3.14 does: each way is tried, and certain errors lead on to the next."""
    import fcntl
    with open(os.path.join(TMP, "from"), "w+b") as source, open(os.path.join(TMP, "to"), "w+b") as target:
        source.write(b"x" * 100_000)
        source.flush()
        try:
            fcntl.ioctl(target.fileno(), 0x40049409, source.fileno())  # FICLONE
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.EOPNOTSUPP, errno.ETXTBSY, errno.EXDEV):
                raise
        assert os.copy_file_range(source.fileno(), target.fileno(), 50_000, offset_src=0) == 50_000
        assert os.sendfile(target.fileno(), source.fileno(), 50_000, 50_000) == 50_000
        target.seek(0)
        assert target.read() == b"x" * 100_000


def own_directory(look):
    with open("/proc/self/status") as status, open("/proc/self/stat") as stat:
        return ("Pid:\t%d\n" % os.getpid()) in status.read() and look and stat.read() != ""


def processes_in_proc():
    """Of every process that it starts, however it was started."""
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as workers:
            assert all(workers.map(own_directory, [True] * 4))
    child = subprocess.Popen(["sleep", "60"])
    with open("/proc/%d/cmdline" % child.pid) as f:
        assert f.read() in ("sleep\x0060\x00", ""), "its own, or not yet"
    child.kill()
    child.wait(20)
    with open("/proc/self/cgroup") as f:
        assert ":" in f.read()


def threads_and_signals():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    event = threading.Event()
    threading.Thread(target=event.set).start()
    assert event.wait(20)
    assert os.cpu_count() >= 1 and os.sched_getaffinity(0) and time.process_time() >= 0


def numeric():
    import numpy
    import numpy.linalg
    matrix = numpy.random.default_rng(1).random((300, 300))
    assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(300), atol=1e-6)
    numpy.save(os.path.join(TMP, "a.npy"), matrix)
    assert numpy.load(os.path.join(TMP, "a.npy"), mmap_mode="r").shape == (300, 300)


def tables():
    import pandas
    frame = pandas.DataFrame({"a": range(1000), "b": [i % 7 for i in range(1000)], "t": pandas.date_range("2026-01-01", periods=1000, tz="UTC")})
    frame.to_csv(os.path.join(TMP, "a.csv"))
    assert pandas.read_csv(os.path.join(TMP, "a.csv")).groupby("b")["a"].sum().sum() == 499500


def sheets():
    import openpyxl
    import pandas
    pandas.DataFrame({"a": [1, 2]}).to_excel(os.path.join(TMP, "a.xlsx"))
    assert openpyxl.load_workbook(os.path.join(TMP, "a.xlsx")).active["B3"].value == 2


def queries():
    import duckdb
    with duckdb.connect(os.path.join(TMP, "a.duckdb")) as base:
        base.execute("create table t as select range as x, range % 7 as g from range(100000)")
        assert base.execute("select count(*), sum(x) from (select g, sum(x) as x from t group by g)").fetchone() == (7, 4999950000)
        base.execute("copy t to '%s/a.parquet' (format parquet)" % TMP)
        assert base.execute("select count(*) from '%s/a.parquet'" % TMP).fetchone() == (100000,)


def parallel_jobs():
    import joblib
    import psutil
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(square)(i) for i in range(8)) == [i * i for i in range(8)]
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(memory_of_children)() for _ in range(2)) == [True, True]
    assert psutil.virtual_memory().total > 0 and psutil.cpu_count() >= 1
    assert os.getpid() in psutil.pids() and 1 in psutil.pids()


def memory_of_children():
    import psutil
    me = psutil.Process()
    return me.memory_info().rss > 0 and all(child.memory_info().rss >= 0 for child in me.children(recursive=True))


def attempt(part, *arguments):
    try:
        part(*arguments)
        return "ok"
    except BaseException as error:  # the caller wants to see all
        return "%s: %s" % (type(error).__name__, str(error)[:500])


if __name__ == "__main__":
    result = {"pool " + method: attempt(pool, method) for method in ("fork", "spawn", "forkserver")}
    for part in (manager, queue_and_locks, shared_memory, executors, subprocesses, asynchronous, databases, files, copies, processes_in_proc,
                 threads_and_signals, numeric, tables, sheets, queries, parallel_jobs):
        result[part.__name__] = attempt(part)
    sys.stdout.flush()
