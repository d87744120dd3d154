// An API server in memory, behind Transport: resourceVersions, optimistic concurrency, the status subresource,
// finalizers, paged lists, watches, and faults on demand. It validates nothing and runs no controllers.
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

// What is to become of one request.
enum class Fault {
  kNone,
  kDropBefore,   // no connection: not carried out (kUnavailable)
  kDropAfter,    // carried out, answer lost (kTimeout)
  kCrashBefore,  // this request is not carried out, and from now on nothing is answered (kCancelled) until restart()
  kCrashAfter,   // the same, but this one is carried out
  k401,
  k403,
  k409,
  k410,
  k429,
  k500,
  k503,
};

// Thread-safe. The clock must outlive it.
class FakeApiServer final : public kube::Transport {
 public:
  // Called before every request with the number of the write (from 1), or 0 for a read.
  using Hook = std::function<Fault(const kube::Request& request, int write)>;

  explicit FakeApiServer(const Clock& clock) : clock_(clock) {}

  Result<kube::Response> send(const kube::Request& request, std::stop_token stop) override;
  // Of a watch; the idle time-out is real time.
  Result<kube::Response> stream(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                const kube::OnData& on_data, std::stop_token stop) override;

  // As somebody with all rights would: faults do not apply, status is written too, and nothing is counted.
  kube::Json put(const kube::Resource& resource, kube::Json object);
  void erase(const kube::Resource& resource, std::string_view namespace_, std::string_view name);
  [[nodiscard]] std::optional<kube::Json> find(const kube::Resource& resource, std::string_view namespace_,
                                               std::string_view name) const;
  [[nodiscard]] std::vector<kube::Json> all(const kube::Resource& resource) const;
  // Deletes what has owners but none that exists, as often as it takes.
  void collect_garbage();
  void set_pod_log(std::string_view namespace_, std::string_view pod, std::string_view container, std::string text);
  // Makes TokenReview.status of TokenReview.spec.
  void set_token_reviewer(std::function<kube::Json(const kube::Json& spec)> reviewer);

  // The same for SubjectAccessReview; without one every question is answered no.
  void set_access_reviewer(std::function<kube::Json(const kube::Json& spec)> reviewer);

  void set_hook(Hook hook);
  void restart();
  [[nodiscard]] bool crashed() const;
  // While held, watches deliver nothing until told to.
  void hold_watches(bool held);
  // Lets every held watch deliver `count` more events.
  void deliver(int count);
  void send_bookmarks();
  [[nodiscard]] bool bookmarks_sent() const;  // to every open watch
  // All watches break off; `in_stream` sends each an ERROR event first (410).
  void break_watches(bool in_stream_410 = false);
  // Watches that resume from before now get 410, and so do continue tokens.
  void expire_history();

  // The resourceVersion that a list would have now.
  [[nodiscard]] std::uint64_t version() const;
  [[nodiscard]] std::vector<kube::Request> requests() const;
  [[nodiscard]] int writes() const;
  [[nodiscard]] int open_watches() const;
  void forget_requests();

 private:
  struct Target;  // what a URL names
  struct Event {
    std::uint64_t version = 0;
    std::string collection;  // "group/plural"
    std::string namespace_;
    std::string type;
    kube::Json object;
  };
  struct Watch {
    std::uint64_t seen = 0;       // the version delivered last
    int credit = 0;               // events it may deliver while held
    std::uint64_t bookmarks = 0;  // asked for by then
  };
  using Collection = std::map<std::string, kube::Json>;  // by "namespace/name"

  // All: mutex_ is held.
  kube::Response handle(const Target& target, const kube::Request& request);
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
  Hook hook_;
  std::vector<kube::Request> requests_;
  std::set<Watch*> watches_;
  std::uint64_t version_ = 100;
  std::uint64_t oldest_ = 0;  // history before this has been forgotten
  std::uint64_t next_uid_ = 1;
  std::uint64_t bookmarks_ = 0;
  std::uint64_t breaks_ = 0;
  bool break_with_410_ = false;
  bool held_ = false;
  bool crashed_ = false;
  int writes_ = 0;
};

}  // namespace modelrun::fakes
