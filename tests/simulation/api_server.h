// A model of the Kubernetes API server with its etcd, written for speed: objects in memory, no network, no threads.
//
// It has resourceVersions, generations (raised by a change of spec and by a deletion that waits for finalizers), the
// status subresource, finalizers, graceful deletion of pods, preconditions, paged lists of one version, label
// selectors, the rules of the custom resources, the size limit, and a history for watches that can be compacted. A GET
// and a list are consistent, as Kubernetes' are without a resourceVersion; answers become old on the way (transport.h).
//
// Two kinds of callers: operators come through handle() with HTTP requests; the rest of the world uses the direct
// calls below, which may write metadata, spec and status at once.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kube/request.h"
#include "simulation/objects.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// A change that was committed.
struct Commit {
  Kind kind{};
  std::uint64_t version = 0;
  Object before;  // null for a creation
  Object after;   // null for a deletion
  Object shown;   // what a watch shows: `after`, or the last state with the version of the deletion
  Nanos at{};
  std::string who;
};

struct RemoveOptions {
  std::string uid{};
  std::string resource_version{};
  bool at_once = false;  // a pod's grace period is over, or its node is gone
};

class ApiServer {
 public:
  using Objects = std::map<std::string, Object>;  // by "namespace/name"

  explicit ApiServer(Sim& sim) : sim_(sim) {}

  // Carries out a request other than a watch. `who` is the caller's name in traces and in Commit.
  kube::Response handle(const kube::Request& request, const std::string& who);

  [[nodiscard]] const Objects& all(Kind kind) const { return objects_.at(index(kind)); }
  // Null if it does not exist.
  [[nodiscard]] Object find(Kind kind, const std::string& key) const;
  [[nodiscard]] Object find_uid(Kind kind, const std::string& uid) const;
  // Errors: kExists, kInvalid (a rule), kTooLarge.
  Result<Object> create(Kind kind, Json object, const std::string& who);
  // Changes the whole object. Does nothing and returns null if it does not exist, if `uid` is given and differs, or if
  // a rule refuses the change. A change of spec raises the generation.
  Object change(Kind kind, const std::string& key, const std::string& who, const std::function<void(Json&)>& change,
                const std::string& uid = {});
  // Errors: kNotFound, kConflict (a precondition).
  Result<void> remove(Kind kind, const std::string& key, const std::string& who, const RemoveOptions& options = {});

  [[nodiscard]] const std::vector<Commit>& history(Kind kind) const { return history_.at(index(kind)); }
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // The oldest version that a watch can begin from, and a continue token name.
  [[nodiscard]] std::uint64_t compacted() const { return compacted_; }
  void compact() { compacted_ = version_; }
  // Combines the digests of all objects.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

  // Called after each commit.
  std::function<void(const Commit&)> on_commit;
  // Decides about creations and replacements by operators: an error's answer, or nullopt.
  std::function<std::optional<kube::Response>(Kind)> on_admission;
  // Answers for a container's log of a pod that exists.
  std::function<kube::Response(const Json& pod, const std::string& container)> on_log;

 private:
  struct Target;
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  static std::optional<Target> parse(std::string_view path);
  kube::Response read(const Target& target);
  kube::Response list(const Target& target);
  kube::Response put(const Target& target, const kube::Request& request, const std::string& who);
  kube::Response patch(const Target& target, const kube::Request& request, const std::string& who);
  kube::Response post(const Target& target, const kube::Request& request, const std::string& who);
  kube::Response erase(const Target& target, const kube::Request& request, const std::string& who);
  [[nodiscard]] Objects at_version(Kind kind, std::uint64_t version) const;

  Result<Object> store(Kind kind, const std::string& key, const Object& before, Json after, const std::string& who);
  void drop(Kind kind, const std::string& key, const std::string& who);
  void commit(Commit commit);
  [[nodiscard]] std::string stamp() const;  // the present time in whole seconds, as metav1.Time has it

  Sim& sim_;
  std::array<Objects, kKinds> objects_;
  std::array<std::vector<Commit>, kKinds> history_;
  std::uint64_t version_ = 1000;
  std::uint64_t compacted_ = 0;
  std::uint64_t next_uid_ = 1;
  std::uint64_t digest_ = 0;
};

// An error answer with a metav1.Status.
kube::Response status_answer(int code, std::string_view reason, std::string_view message);

// Whether `object` is among those that `selector` selects: "label" (it exists) or "label=value"; empty selects all.
bool selects(std::string_view selector, const Json& object);

}  // namespace modelrun::simulation
