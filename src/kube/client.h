// Typed verbs over a Transport: JSON in, JSON out, HTTP failures as Errors that name the verb and the object.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "kube/request.h"
#include "kube/transport.h"
#include "kube/watch_decoder.h"

namespace modelrun::kube {

struct ListMeta {
  std::string resource_version;
  std::string continue_token;  // empty on the last page
};

struct ListPage {
  std::vector<Json> items;
  std::string resource_version;
  std::string continue_token;
};

// Who a bearer token belongs to (authentication.k8s.io/v1).
struct TokenIdentity {
  bool authenticated = false;
  std::string error;  // why not
  std::string username;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::string> audiences;  // those asked for that the token is good for
  // Of a pod-bound service-account token; empty otherwise.
  std::string pod_name;
  std::string pod_uid;
};

// One finished call, for metrics.
struct CallInfo {
  std::string_view verb;      // get, create, replace, replace_status, patch, delete, list, watch, log
  std::string_view resource;  // plural
  int code = 0;               // HTTP status; 0: no answer
  std::chrono::microseconds latency{0};
};

// Thread-safe. Owns neither the transport nor the observer; both must outlive it.
//
// Errors by HTTP status: 400, 405, 415, 422 kInvalid; 401, 403 kDenied; 404 kNotFound; 409 kConflict, or kExists when
// the reason is AlreadyExists; 410 kGone; 413 kTooLarge; 429 kThrottled; 504 and time-outs kTimeout; other 5xx and no
// connection kUnavailable. The message: "create jobs default/x: 403 Forbidden: <what the server says>". Only reads
// (get, list) are tried a second time, and only when the connection broke off without an answer. A write is sent once:
// after kTimeout or kUnavailable it may have been carried out.
class Client {
 public:
  using Observer = std::function<void(const CallInfo&)>;

  explicit Client(Transport& transport, Observer observer = {})
      : transport_(transport), observer_(std::move(observer)) {}

  // The same, with another time-out for each request that is not a stream (30 s by default).
  [[nodiscard]] Client with_timeout(std::chrono::milliseconds timeout) const {
    Client copy = *this;
    copy.timeout_ = timeout;
    return copy;
  }

  Result<Json> get(const Resource& resource, std::string_view namespace_, std::string_view name,
                   std::stop_token stop = {});
  // These return the object as the server has stored it.
  Result<Json> create(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> replace(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> replace_status(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> patch(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                     const Json& patch, const PatchOptions& options = {}, std::stop_token stop = {});
  // Success when the server has accepted the deletion; finalizers may still hold the object.
  Result<void> remove(const Resource& resource, std::string_view namespace_, std::string_view name,
                      const DeleteOptions& options = {}, std::stop_token stop = {});
  // One page.
  Result<ListPage> list(const Resource& resource, const ListOptions& options, std::stop_token stop = {});
  // One page, each item handed over as it arrives: at no time is more than one item in memory. On failure some
  // items may have been handed over already; this is never retried.
  Result<ListMeta> list_each(const Resource& resource, const ListOptions& options,
                             const std::function<void(Json&&)>& on_item, std::stop_token stop = {});
  // Until the server ends the watch (success), `on_event` returns false (success), or an error. kGone both for the
  // status and for the ERROR event; kTimeout when not a byte came for `idle_timeout`.
  Result<void> watch(const Resource& resource, const WatchOptions& options, std::chrono::milliseconds idle_timeout,
                     const std::function<bool(WatchEvent&&)>& on_event, std::stop_token stop = {});
  Result<std::string> pod_log(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                              std::stop_token stop = {});
  // The log piece by piece (LogOptions::follow), until its end or until `on_data` returns false.
  Result<void> pod_log_stream(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                              std::chrono::milliseconds idle_timeout, const OnData& on_data, std::stop_token stop = {});
  // `audiences` must not be empty. An invalid token is a success with authenticated = false.
  Result<TokenIdentity> token_review(std::string_view token, const std::vector<std::string>& audiences,
                                     std::stop_token stop = {});

 private:
  struct Call;
  Result<Response> exchange(const Call& call, Request request, std::stop_token stop);
  Result<Response> exchange_stream(const Call& call, const Request& request, std::chrono::milliseconds idle_timeout,
                                   const OnData& on_data, std::stop_token stop);
  Result<Json> exchange_json(const Call& call, Request request, std::stop_token stop);

  Transport& transport_;
  Observer observer_;
  std::chrono::milliseconds timeout_{30'000};
};

// The Error for an answer that is not 2xx, from its metav1.Status if it has one. `what`: "create jobs default/x".
[[nodiscard]] Error status_error(std::string_view what, const Response& response);

}  // namespace modelrun::kube
