// An API server in memory that implements Transport. It has resourceVersions, optimistic concurrency, the status
// subresource, finalizers, paged lists and watches, and it can inject faults. It does not validate objects and runs
// no controllers; collect_garbage() replaces the garbage collector.
//
// Usage:
//   ManualClock clock;
//   FakeApiServer server(clock);
//   server.put(kube::kModelRuns, run);  // the state before the test
//   server.set_hook([](const kube::Request&, int write) { return write == 2 ? Fault::kDropAfter : Fault::kNone; });
//   ...                                 // run the code under test with `server` as its Transport
//   auto after = server.find(kube::kModelRuns, "ns", "name");
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "kube/transport.h"

namespace modelrun::fakes {

// The outcome of one request. A watch ignores kDropAfter, kCrashBefore and kCrashAfter.
enum class Fault {
  kNone,
  kDropBefore,   // there is no connection: the request is not carried out (kUnavailable)
  kDropAfter,    // the request is carried out, but its answer is lost (kTimeout)
  kCrashBefore,  // the request is not carried out; it and all later ones fail with kCancelled until restart()
  kCrashAfter,   // the same, but the request is carried out
  k401,          // this and the following: the request is not carried out, and this status is the answer
  k403,
  k409,
  k410,
  k413,
  k429,
  k500,
  k503,
};

// Thread-safe. The clock, which gives creation and deletion times, must outlive it.
class FakeApiServer final : public kube::Transport {
 public:
  // Decides the outcome of each request before it is carried out. `write` counts the requests that are not a GET,
  // from 1 (see forget_requests()); it is 0 for a GET. Called on the thread of the request without a lock, so that it
  // may call the server.
  using Hook = std::function<Fault(const kube::Request& request, int write)>;

  explicit FakeApiServer(const Clock& clock) : clock_(clock) {}

  Result<kube::Response> send(const kube::Request& request, std::stop_token stop) override;
  // A request with `watch=true` is a watch, anything else is carried out like send(). `idle_timeout` is in real time.
  Result<kube::Response> stream(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                const kube::OnData& on_data, std::stop_token stop) override;

  // These functions change and read the state directly: faults do not apply, and nothing is recorded or counted.
  // put() creates or replaces an object together with its status and without a check of the resourceVersion. It
  // returns the stored object. UID, creation time and generation are filled in if they are absent.
  kube::Json put(const kube::Resource& resource, kube::Json object);
  // Removes the object at once, even if it has finalizers. Does nothing when it does not exist.
  void erase(const kube::Resource& resource, std::string_view namespace_, std::string_view name);
  // Returns nullopt when the object does not exist.
  [[nodiscard]] std::optional<kube::Json> find(const kube::Resource& resource, std::string_view namespace_,
                                               std::string_view name) const;
  // Returns the objects of all namespaces, ordered by "namespace/name".
  [[nodiscard]] std::vector<kube::Json> all(const kube::Resource& resource) const;
  // Deletes every object that has owner references of which none refers to an existing UID, and repeats this until
  // there is no such object. An object with finalizers only gets its deletionTimestamp.
  void collect_garbage();
  // Sets the log of a container; it is empty before. Reading a log needs the Pod to exist.
  void set_pod_log(std::string_view namespace_, std::string_view pod, std::string_view container, std::string text);
  // Sets the function that computes the status of a TokenReview from its spec; without one no token is authenticated.
  // It is called with the server's lock held: it must not call the server.
  void set_token_reviewer(std::function<kube::Json(const kube::Json& spec)> reviewer);

  // The same for SubjectAccessReview, LocalSubjectAccessReview, and SelfSubjectAccessReview, whose spec has no user;
  // without one every access is denied.
  void set_access_reviewer(std::function<kube::Json(const kube::Json& spec)> reviewer);

  // Gives the caller the rights of Roles in these namespaces, and none over the cluster but to create TokenReviews:
  // everything else is refused with 403, such as a list of all namespaces. Without a call, and after one with an empty
  // set, everything is allowed.
  void restrict_to(std::set<std::string> namespaces);
  // Sets what a pod or a Service answers that is asked through the proxy. `target` is "namespace/NAME:PORT",
  // `path` what follows `/proxy`. Without one the answer is 503. Called with the server's lock held: it must not call
  // the server.
  void set_proxy(std::function<kube::Response(const std::string& target, const std::string& path)> proxy);
  // Sets the minor version that /version tells; it is 37 before.
  void set_minor_version(int minor);

  // Replaces the hook; an empty one injects no faults.
  void set_hook(Hook hook);
  // Ends a crash. The state is kept. Watches that were open at the crash end with kUnavailable, at the latest after
  // their idle time-out.
  void restart();
  [[nodiscard]] bool crashed() const;
  // While watches are held, they deliver only the events that deliver() allows, and no bookmarks.
  void hold_watches(bool held);
  // Lets every open watch deliver `count` more events while watches are held.
  void deliver(int count);
  // Makes every open watch deliver one BOOKMARK event.
  void send_bookmarks();
  // Whether every open watch has taken the latest bookmark up for delivery.
  [[nodiscard]] bool bookmarks_sent() const;
  // Ends all open watches with kUnavailable. With `in_stream_410` each delivers an ERROR event with code 410 before.
  void break_watches(bool in_stream_410 = false);
  // Forgets all events so far: a watch from an older resourceVersion and a list with an older continue token get 410.
  void expire_history();

  // Returns the resourceVersion that a list would have now.
  [[nodiscard]] std::uint64_t version() const;
  // Returns the requests since the last forget_requests(), watches included, without those that met a crashed server.
  [[nodiscard]] std::vector<kube::Request> requests() const;
  // Returns the number of requests that are not a GET since the last forget_requests().
  [[nodiscard]] int writes() const;
  [[nodiscard]] int open_watches() const;
  // Clears requests() and sets writes() to 0.
  void forget_requests();

 private:
  struct Target;  // the resource, object or subresource that a URL names
  struct Event {
    std::uint64_t version = 0;
    std::string collection;  // "group/plural"
    std::string namespace_;
    std::string type;
    kube::Json object;
  };
  struct Watch {
    std::uint64_t seen = 0;       // the version of the last event that was looked at
    int credit = 0;               // the number of events that it may deliver while watches are held
    std::uint64_t bookmarks = 0;  // the value of bookmarks_ at its last bookmark, or at its start
  };
  using Collection = std::map<std::string, kube::Json>;  // the key is "namespace/name"

  // All of these need mutex_ to be held.
  kube::Response handle(const Target& target, const kube::Request& request);
  // The answer to a request that the caller has no right to.
  std::optional<kube::Response> forbidden(const Target& target) const;
  kube::Response read(const Target& target);
  kube::Response list(const Target& target);
  kube::Response create(const Target& target, kube::Json object);
  kube::Response replace(const Target& target, kube::Json object);
  kube::Response patch(const Target& target, const kube::Request& request);
  kube::Response remove(const Target& target, const kube::Json& options);
  kube::Json& store(const Target& target, const std::string& key, kube::Json object, const char* type);
  void drop(const Target& target, const std::string& key);
  std::optional<kube::Response> unmet(const kube::Json& stored, const kube::Json& wanted, const Target& target) const;
  std::string next_lines(const Target& target, Watch& watch);

  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable_any changed_;
  std::map<std::string, Collection> collections_;
  std::vector<Event> history_;
  std::map<std::string, std::string> logs_;
  std::function<kube::Json(const kube::Json&)> reviewer_;
  std::function<kube::Json(const kube::Json&)> access_reviewer_;
  std::set<std::string> restricted_to_;
  std::function<kube::Response(const std::string&, const std::string&)> proxy_;
  int minor_version_ = 37;
  Hook hook_;
  std::vector<kube::Request> requests_;
  std::set<Watch*> watches_;
  std::uint64_t version_ = 100;
  std::uint64_t oldest_ = 0;  // events before this version have been forgotten
  std::uint64_t next_uid_ = 1;
  std::uint64_t bookmarks_ = 0;
  std::uint64_t breaks_ = 0;
  bool break_with_410_ = false;
  bool held_ = false;
  bool crashed_ = false;
  int writes_ = 0;
};

}  // namespace modelrun::fakes
