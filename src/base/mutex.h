// Mutexes whose use Clang checks. A field that several threads share says which mutex guards it, and a function that
// needs the mutex held says so; `hack/verify tidy` then finds every access without the mutex.
//
//   class Counter {
//    public:
//     void add() {
//       const MutexLock lock(mutex_);
//       add_locked();
//     }
//    private:
//     void add_locked() REQUIRES(mutex_) { ++count_; }
//     Mutex mutex_;
//     int count_ GUARDED_BY(mutex_) = 0;
//   };
//
// Source: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html. GCC does not know the attributes and ignores them.
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <utility>

#if defined(__clang__)
#define MODELRUN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define MODELRUN_THREAD_ATTRIBUTE(x)
#endif

// Of a field: read and written only while `mutex` is held. PT_GUARDED_BY: what the pointer points to.
#define GUARDED_BY(mutex) MODELRUN_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) MODELRUN_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
// Of a function or lambda: the caller holds the mutexes, or (EXCLUDES) must not hold them.
#define REQUIRES(...) MODELRUN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) MODELRUN_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) MODELRUN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// Used by the lock classes below.
#define CAPABILITY(name) MODELRUN_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY MODELRUN_THREAD_ATTRIBUTE(scoped_lockable)
#define ACQUIRE(...) MODELRUN_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) MODELRUN_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) MODELRUN_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) MODELRUN_THREAD_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
// Of a function that the analysis cannot follow. A comment next to it says why.
#define NO_THREAD_SAFETY_ANALYSIS MODELRUN_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace modelrun {

// std::mutex with the attributes. Not recursive.
class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds `mutex` from its construction to its destruction, except between unlock() and lock().
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // REQUIRES: unlock() was called before.
  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }
  // REQUIRES: the mutex is held.
  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

// A mutex that many readers may hold at once, for data that is read far more often than written. Not recursive: a
// thread that holds it, even shared, must not lock it again.
class CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_GENERIC() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class SCOPED_CAPABILITY WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriteLock() RELEASE() { mutex_.unlock(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SCOPED_CAPABILITY ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~ReadLock() RELEASE_GENERIC() { mutex_.unlock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// std::condition_variable_any for Mutex. Its waits release the mutex and hold it again when they return. Wake-ups may
// be spurious, so a wait stands in a loop that looks at the condition, or is given the condition as a lambda:
//
//   changed_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !queue_.empty(); });
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { variable_.wait(mutex); }
  template <class Condition>
  void wait(Mutex& mutex, Condition condition) REQUIRES(mutex) {
    variable_.wait(mutex, std::move(condition));
  }
  // Returns the condition's last value; false when `stop` was requested first.
  template <class Condition>
  bool wait(Mutex& mutex, std::stop_token stop, Condition condition) REQUIRES(mutex) {
    return variable_.wait(mutex, std::move(stop), std::move(condition));
  }
  // The same, and false also when `span` has passed or `deadline` is reached first.
  template <class Span, class Condition>
  bool wait_for(Mutex& mutex, Span span, Condition condition) REQUIRES(mutex) {
    return variable_.wait_for(mutex, span, std::move(condition));
  }
  template <class Span, class Condition>
  bool wait_for(Mutex& mutex, std::stop_token stop, Span span, Condition condition) REQUIRES(mutex) {
    return variable_.wait_for(mutex, std::move(stop), span, std::move(condition));
  }
  template <class Point, class Condition>
  bool wait_until(Mutex& mutex, Point deadline, Condition condition) REQUIRES(mutex) {
    return variable_.wait_until(mutex, deadline, std::move(condition));
  }
  template <class Point, class Condition>
  bool wait_until(Mutex& mutex, std::stop_token stop, Point deadline, Condition condition) REQUIRES(mutex) {
    return variable_.wait_until(mutex, std::move(stop), deadline, std::move(condition));
  }

  void notify_one() { variable_.notify_one(); }
  void notify_all() { variable_.notify_all(); }

 private:
  std::condition_variable_any variable_;
};

}  // namespace modelrun
