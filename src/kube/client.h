// The client for the Kubernetes API: one method for each verb (get, create, list, watch, ...) on top of a Transport.
// Objects go in and come out as JSON. An HTTP failure becomes an Error whose message names the verb and the object.
//
//   auto transport = make_cpprest_transport(config);                 // kube/cpprest/cpprest_transport.h
//   Client client(**transport);
//   auto job = client.get(kJobs, "default", "x");
//   if (!job && job.error().kind == ErrorKind::kNotFound) ...
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "kube/answer.h"
#include "kube/request.h"
#include "kube/transport.h"
#include "kube/watch_decoder.h"

namespace modelrun::kube {

// The metadata of one page of a list.
struct ListMeta {
  std::string resource_version;
  std::string continue_token;  // empty on the last page
  std::int64_t remaining = 0;  // items after this page, where the server says so; 0 on the last page
};

struct ListPage {
  std::vector<Json> items;
  std::string resource_version;
  std::string continue_token;  // empty on the last page
};

// The status of a TokenReview (authentication.k8s.io/v1): who a bearer token belongs to. Absent fields are empty.
struct TokenIdentity {
  bool authenticated = false;
  std::string error;  // why the token was not accepted
  std::string username;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::string> audiences;  // those of the requested audiences that the token is valid for
  // The pod that a service account token is bound to; both are empty for a token that is not bound to a pod.
  std::string pod_name;
  std::string pod_uid;
};

// The version of the API server, such as 1.37.
struct ServerVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const ServerVersion&) const = default;
};

// Describes one finished call, for metrics. The views are valid during the call of the observer only.
struct CallInfo {
  std::string_view verb;                 // get, create, replace, replace_status, patch, delete, list, watch, log,
                                         // proxy
  std::string_view resource;             // plural
  int code = 0;                          // HTTP status; 0 when no answer came
  std::chrono::microseconds latency{0};  // from the start of the call to its end, with retries
};

// Thread-safe. Every method blocks until the call has ended; callbacks run on the caller's thread. Keeps a reference
// to the transport, which must outlive the client; copies the observer and calls it, on the caller's thread, after
// each call, so that an observer of a shared client must be thread-safe. Copies of a client share the transport.
//
// Errors by HTTP status:
//   401, 403         kDenied
//   404              kNotFound
//   408, 504         kTimeout
//   409              kExists when the reason is AlreadyExists, else kConflict
//   410              kGone
//   413              kTooLarge
//   429              kThrottled
//   other 5xx        kUnavailable
//   everything else  kInvalid (400, 405, 415, 422, ...)
// The message has the form "create jobs default/x: 403 Forbidden: <message of the server>". When there was no HTTP
// answer, the Error has the kind that the Transport gave (see transport.h): kUnavailable, kTimeout, kCancelled, ...
// An answer that is not the expected JSON object is kUnavailable for single objects; the methods for lists and
// watches say below what they return.
//
// Retries: get(), get_answer() and pod_log() are sent a second time after kUnavailable from the Transport, list() after
// any kUnavailable, which includes a 5xx answer and a body that was cut off. Each try has the whole time-out. No other
// call is sent again. In particular a write is sent once, and after kTimeout or kUnavailable it may have been carried
// out.
class Client {
 public:
  using Observer = std::function<void(const CallInfo&)>;

  explicit Client(Transport& transport, Observer observer = {})
      : transport_(transport), observer_(std::move(observer)) {}

  // Returns a copy with another time-out for each request of get(), pod_log(), token_review() and the writes, and for
  // each pause in the answer to a list, which may take long as a whole; it is 30 s by default. watch() and
  // pod_log_stream() have idle time-outs of their own.
  [[nodiscard]] Client with_timeout(std::chrono::milliseconds timeout) const {
    Client copy = *this;
    copy.timeout_ = timeout;
    return copy;
  }

  Result<Json> get(const Resource& resource, std::string_view namespace_, std::string_view name,
                   std::stop_token stop = {});
  // The writes return the object as the server has stored it. create() and the replaces take the namespace and the
  // name from the object's metadata (see request.h). A replace with a metadata.resourceVersion that is no longer the
  // current one fails with kConflict.
  Result<Json> create(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> replace(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> replace_status(const Resource& resource, const Json& object, std::stop_token stop = {});
  Result<Json> patch(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                     const Json& patch, const PatchOptions& options = {}, std::stop_token stop = {});
  // The same for objects that may be large: the answer is text until it is read. A body that is not a JSON object fails
  // there.
  Result<Answer> get_answer(const Resource& resource, std::string_view namespace_, std::string_view name,
                            std::stop_token stop = {});
  Result<Answer> create_answer(const Resource& resource, ObjectText object, std::stop_token stop = {});
  Result<Answer> replace_status_answer(const Resource& resource, ObjectText object, std::stop_token stop = {});
  Result<Answer> patch_answer(const Resource& resource, std::string_view namespace_, std::string_view name,
                              PatchType type, const Json& patch, const PatchOptions& options = {},
                              std::stop_token stop = {});
  // Deletes an object. Success means that the server has accepted the deletion; finalizers may keep the object alive.
  // kConflict when a precondition in `options` does not hold.
  Result<void> remove(const Resource& resource, std::string_view namespace_, std::string_view name,
                      const DeleteOptions& options = {}, std::stop_token stop = {});
  // Reads one page. Fails like list_each(), but returns all items or none. For the next page, call it again with
  // `options.continue_token` set to the page's continue_token; kGone means that this token has expired.
  Result<ListPage> list(const Resource& resource, const ListOptions& options, std::stop_token stop = {});
  // Reads one page and calls `on_item` for each item as it arrives, so that at most one decoded item is in memory.
  // `on_item` must not send a request, nor wait for another thread: see base/large_document.h.
  // Never retried: on failure, some items may have been handed over already. kTimeout when no byte arrives for 30 s,
  // kUnavailable when the body is cut off, kInvalid when it is not a list, kTooLarge when an item exceeds 16 MiB.
  Result<ListMeta> list_each(const Resource& resource, const ListOptions& options,
                             const std::function<void(Json&&)>& on_item, std::stop_token stop = {});
  // Calls `on_event` for each event (never for ERROR events) until the watch ends. It may do what `on_item` of
  // list_each() may. Succeeds when the server ends the
  // watch or when `on_event` returns false. Fails with kGone when the resourceVersion is too old, no matter whether
  // the server says so by HTTP status 410 or by an ERROR event; any other ERROR event fails by the `code` of its
  // Status. kTimeout when no byte arrives for `idle_timeout`, kUnavailable when an event is cut off, kInvalid when
  // one cannot be decoded, kTooLarge when one exceeds 16 MiB.
  Result<void> watch(const Resource& resource, const WatchOptions& options, std::chrono::milliseconds idle_timeout,
                     const std::function<bool(WatchEvent&&)>& on_event, std::stop_token stop = {});
  // Reads a container's log whole. An answer of more than 64 MiB is kTooLarge; see LogOptions::limit_bytes. Do not
  // set LogOptions::follow here.
  Result<std::string> pod_log(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                              std::stop_token stop = {});
  // Hands over the log piece by piece, until its end or until `on_data` returns false; both are success. With
  // LogOptions::follow the log ends when the container does. kTimeout when no byte arrives for `idle_timeout`.
  Result<void> pod_log_stream(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                              std::chrono::milliseconds idle_timeout, const OnData& on_data, std::stop_token stop = {});
  // Asks a pod or a Service through the API server (proxy_request()) and returns the body of its answer. A failure of
  // the API server to reach it is kUnavailable, as is a 5xx answer of the pod itself.
  Result<std::string> proxy(const Resource& resource, std::string_view namespace_, std::string_view target,
                            std::string_view path, std::stop_token stop = {});
  // Asks the API server for its version. Everybody may. kUnavailable when the answer has none.
  Result<ServerVersion> server_version(std::stop_token stop = {});
  // Asks the API server whom `token` belongs to (TokenReview). `audiences` must not be empty, otherwise kInvalid. A
  // token that the server does not accept is a success with `authenticated` = false. kDenied means that this client
  // may not create TokenReviews. Check `audiences` of the answer: an authenticator that does not know audiences
  // leaves it empty.
  Result<TokenIdentity> token_review(std::string_view token, const std::vector<std::string>& audiences,
                                     std::stop_token stop = {});

 private:
  struct Call;
  Result<Response> exchange(const Call& call, Request request, std::stop_token stop);
  Result<Response> exchange_stream(const Call& call, const Request& request, std::chrono::milliseconds idle_timeout,
                                   const OnData& on_data, std::stop_token stop);
  Result<Answer> exchange_object(const Call& call, Request request, std::stop_token stop);

  Transport& transport_;
  Observer observer_;
  std::chrono::milliseconds timeout_{30'000};
};

// Makes the Error for an answer that is not 2xx; kind and message as the comment on Client says. Uses reason and
// message of the metav1.Status in the body, or the first 300 bytes of a body that is no JSON object. `what` comes
// first in the message: "create jobs default/x".
[[nodiscard]] Error status_error(std::string_view what, const Response& response);

}  // namespace modelrun::kube
