// The installation that `kubectl modelrun doctor` looks at: how its objects are read, and what earlier checks have
// learnt of it for later ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/error.h"
#include "cli/session.h"
#include "kube/client.h"

namespace modelrun::cli::doctor {

struct Options {
  std::string system_namespace{"modelrun-system"};
  std::chrono::seconds timeout{90};  // for all checks together
  bool probe = false;                // make the probe pod; without it nothing is written but access reviews
};

// A Deployment of the product, as the checks need it.
struct Component {
  std::string name;
  std::string service_account;
  std::string version_label;  // app.kubernetes.io/version: that of the chart
  std::int64_t wanted = 0;    // replicas
  std::int64_t ready = 0;
  std::vector<std::string> arguments;  // of its main container
  std::vector<kube::Json> pods;        // those that its selector finds, without those that are about to go
  kube::Json containers;               // of its pod template

  // The value of the argument "--FLAG=VALUE", or of a variable of a container; "" if there is none.
  [[nodiscard]] std::string argument(std::string_view flag) const;
  [[nodiscard]] std::string variable(std::string_view wanted_name) const;
  // The namespaces that it takes care of, as --watch-namespaces has them; empty: all.
  [[nodiscard]] std::vector<std::string> namespaces() const;
};

// What the probe pod has told.
struct ProbeResult {
  bool run_server = false;  // a connection came about
  bool api_server = false;
  int landlock = 0;  // the ABI version of its node's kernel; 0 or less: none
  std::string node;
};

// A right, as RBAC has it. An empty namespace means all of them, or a resource that has none.
struct Right {
  std::string verb;
  std::string group;
  std::string resource;
  std::string subresource;
  std::string namespace_;
  std::string name;  // of the one object; empty for all

  // "patch jobs.batch in the whole cluster".
  [[nodiscard]] std::string text() const;
};

// Not thread-safe. The session must outlive it. Every request ends after kRequestTime, and all of them end when the
// stop token is requested.
class Installation {
 public:
  static constexpr std::chrono::seconds kRequestTime{10};
  static constexpr int kPageSize = 50;
  static constexpr std::size_t kMaxItems = 2000;  // of one list; no page is read after these

  Installation(Session& session, Options options, std::stop_token stop);

  // The reads fail as kube::Client's do, but the message of kDenied names the right that the caller lacks.
  Result<kube::Json> get(const kube::Resource& resource, std::string_view namespace_, std::string_view name);
  // The same; nullopt if there is no such object.
  Result<std::optional<kube::Json>> find(const kube::Resource& resource, std::string_view namespace_,
                                         std::string_view name);
  // Calls `visit` for each object. One page is in memory at a time, as runs may have a mebibyte each.
  using Visit = std::function<void(const kube::Json&)>;
  Result<void> visit(const kube::Resource& resource, kube::ListOptions options, const Visit& visit);
  // The objects of the namespaces that the operator takes care of; of all if that is not known. If the caller may not
  // list all, those of the session's namespace, and `limited` is set.
  Result<void> visit_everywhere(const kube::Resource& resource, kube::ListOptions options, const Visit& visit);
  // All at once: for objects that are small.
  Result<std::vector<kube::Json>> list(const kube::Resource& resource, kube::ListOptions options);
  Result<std::string> proxy(const kube::Resource& resource, std::string_view namespace_, std::string_view target,
                            std::string_view path);
  // Whether the caller may do that, or a service account of the system namespace.
  Result<bool> allowed(const Right& right);
  Result<bool> allowed(const Right& right, std::string_view service_account);

  [[nodiscard]] Session& session() const { return session_; }
  [[nodiscard]] kube::Client& client() { return client_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const std::string& system() const { return options_.system_namespace; }
  [[nodiscard]] const std::stop_token& stop() const { return stop_; }
  // "kubectl ARGUMENTS", with the context and the kubeconfig of this session.
  [[nodiscard]] std::string kubectl(std::string_view arguments) const;

  // Facts, each set by the check in the comment.
  std::optional<kube::ServerVersion> kubernetes;            // api-server
  std::optional<Component> op;                              // operator
  std::optional<ProbeResult> probed;                        // probe
  std::optional<std::set<std::string>> project_namespaces;  // projects
  bool limited = false;                                     // visit_everywhere() saw one namespace only

 private:
  Result<bool> review(const kube::Resource& kind, const kube::Json& spec);

  Session& session_;
  Options options_;
  std::stop_token stop_;
  kube::Client client_;
};

// status.conditions of an object of any kind.
api::Conditions conditions_of(const kube::Json& object);
// Whether it has a condition of this type that is True.
bool has_true(const kube::Json& object, std::string_view condition);

// The labels of a selector as the API takes them: "key=value,key=value".
std::string selector_text(const kube::Json& labels);

// Reads a Deployment and its pods. Fails as Installation::list() does.
Result<Component> read_component(Installation& installation, const kube::Json& deployment);

}  // namespace modelrun::cli::doctor
