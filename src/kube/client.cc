#include "kube/client.h"

#include <charconv>
#include <optional>
#include <utility>

#include "api/json_access.h"
#include "base/http_status.h"
#include "kube/list_decoder.h"

namespace modelrun::kube {
namespace {

std::string name_of(std::string_view namespace_, std::string_view name) {
  return namespace_.empty() ? std::string{name} : fmt::format("{}/{}", namespace_, name);
}

std::string name_of(const ObjectText& object) {
  return name_of(object.namespace_, object.name);
}

Result<Json> whole(const Result<Answer>& answer) {
  RETURN_IF_ERROR(answer);
  return answer->parse();
}

std::vector<std::string> texts_at(const Json& object, const char* field) {
  std::vector<std::string> texts;
  const auto values = object.find(field);
  if (values == object.end() || !values->is_array()) return texts;
  for (const auto& value : *values) {
    if (value.is_string()) texts.push_back(value.get<std::string>());
  }
  return texts;
}

ListMeta list_meta(const Json& envelope) {
  const auto metadata = envelope.find("metadata");
  if (metadata == envelope.end() || !metadata->is_object()) return {};
  return {api::text_at(*metadata, "resourceVersion"), api::text_at(*metadata, "continue"),
          api::int_at(*metadata, "remainingItemCount").value_or(0)};
}

std::string first_extra(const Json& user, const char* key) {
  const auto extra = user.find("extra");
  if (extra == user.end() || !extra->is_object()) return {};
  auto values = texts_at(*extra, key);
  return values.empty() ? std::string{} : std::move(values.front());
}

TokenIdentity identity_of(const Json& review) {
  TokenIdentity identity;
  const auto status = review.find("status");
  if (status == review.end() || !status->is_object()) return identity;
  const auto authenticated = status->find("authenticated");
  identity.authenticated = authenticated != status->end() && authenticated->is_boolean() && authenticated->get<bool>();
  identity.error = api::text_at(*status, "error");
  identity.audiences = texts_at(*status, "audiences");
  const auto user = status->find("user");
  if (user == status->end() || !user->is_object()) return identity;
  identity.username = api::text_at(*user, "username");
  identity.uid = api::text_at(*user, "uid");
  identity.groups = texts_at(*user, "groups");
  identity.pod_name = first_extra(*user, "authentication.kubernetes.io/pod-name");
  identity.pod_uid = first_extra(*user, "authentication.kubernetes.io/pod-uid");
  return identity;
}

}  // namespace

// Names the operation, for errors and metrics.
struct Client::Call {
  std::string_view verb;
  std::string_view resource;
  std::string name;

  [[nodiscard]] std::string what() const {
    return name.empty() ? fmt::format("{} {}", verb, resource) : fmt::format("{} {} {}", verb, resource, name);
  }
};

Error status_error(std::string_view what, const Response& response) {
  std::string message;
  std::string reason;
  const Json status = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (status.is_object()) {
    message = api::text_at(status, "message");
    reason = api::text_at(status, "reason");
  } else {
    message = response.body.substr(0, 300);
  }
  const auto kind = reason == "AlreadyExists" ? ErrorKind::kExists : kind_of_status(response.status);
  return {kind,
          fmt::format("{}: {} {}{}{}", what, response.status, reason.empty() ? status_phrase(response.status) : reason,
                      message.empty() ? "" : ": ", message)};
}

// Only a 2xx answer is a success.
static Result<Response> judged(const std::string& what, Result<Response> response) {
  if (!response) return fail_in(what, response.error());
  if (!response->ok()) return std::unexpected(status_error(what, *response));
  return response;
}

Result<Response> Client::exchange(const Call& call, Request request, std::stop_token stop) {
  request.timeout = timeout_;
  const auto begin = std::chrono::steady_clock::now();
  auto response = transport_.send(request, stop);
  // There was no answer. A read can be repeated; a write may have been carried out, so it is not repeated.
  if (!response && response.error().kind == ErrorKind::kUnavailable && request.method == Method::kGet) {
    response = transport_.send(request, stop);
  }
  if (observer_) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    observer_({call.verb, call.resource, response ? response->status : 0, took});
  }
  return judged(call.what(), std::move(response));
}

Result<Response> Client::exchange_stream(const Call& call, const Request& request,
                                         std::chrono::milliseconds idle_timeout, const OnData& on_data,
                                         std::stop_token stop) {
  const auto begin = std::chrono::steady_clock::now();
  auto response = transport_.stream(request, idle_timeout, on_data, stop);
  if (observer_) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    observer_({call.verb, call.resource, response ? response->status : 0, took});
  }
  return judged(call.what(), std::move(response));
}

Result<Answer> Client::exchange_object(const Call& call, Request request, std::stop_token stop) {
  auto response = exchange(call, std::move(request), std::move(stop));
  RETURN_IF_ERROR(response);
  return Answer(call.what(), std::move(response->body));
}

Result<Answer> Client::get_answer(const Resource& resource, std::string_view namespace_, std::string_view name,
                                  std::stop_token stop) {
  return exchange_object({"get", resource.plural, name_of(namespace_, name)}, get_request(resource, namespace_, name),
                         std::move(stop));
}

Result<Answer> Client::create_answer(const Resource& resource, ObjectText object, std::stop_token stop) {
  const Call call{"create", resource.plural, name_of(object)};
  return exchange_object(call, create_request(resource, std::move(object)), std::move(stop));
}

Result<Answer> Client::replace_status_answer(const Resource& resource, ObjectText object, std::stop_token stop) {
  const Call call{"replace_status", resource.plural, name_of(object)};
  return exchange_object(call, replace_status_request(resource, std::move(object)), std::move(stop));
}

Result<Answer> Client::patch_answer(const Resource& resource, std::string_view namespace_, std::string_view name,
                                    PatchType type, const Json& patch, const PatchOptions& options,
                                    std::stop_token stop) {
  return exchange_object({"patch", resource.plural, name_of(namespace_, name)},
                         patch_request(resource, namespace_, name, type, patch, options), std::move(stop));
}

Result<Json> Client::get(const Resource& resource, std::string_view namespace_, std::string_view name,
                         std::stop_token stop) {
  return whole(get_answer(resource, namespace_, name, std::move(stop)));
}

Result<Json> Client::create(const Resource& resource, const Json& object, std::stop_token stop) {
  return whole(create_answer(resource, object_text(resource, object), std::move(stop)));
}

Result<Json> Client::replace(const Resource& resource, const Json& object, std::stop_token stop) {
  auto text = object_text(resource, object);
  const Call call{"replace", resource.plural, name_of(text)};
  return whole(exchange_object(call, replace_request(resource, std::move(text)), std::move(stop)));
}

Result<Json> Client::replace_status(const Resource& resource, const Json& object, std::stop_token stop) {
  return whole(replace_status_answer(resource, object_text(resource, object), std::move(stop)));
}

Result<Json> Client::patch(const Resource& resource, std::string_view namespace_, std::string_view name, PatchType type,
                           const Json& patch, const PatchOptions& options, std::stop_token stop) {
  return whole(patch_answer(resource, namespace_, name, type, patch, options, std::move(stop)));
}

Result<void> Client::remove(const Resource& resource, std::string_view namespace_, std::string_view name,
                            const DeleteOptions& options, std::stop_token stop) {
  auto response = exchange({"delete", resource.plural, name_of(namespace_, name)},
                           delete_request(resource, namespace_, name, options), stop);
  RETURN_IF_ERROR(response);
  return {};
}

Result<ListPage> Client::list(const Resource& resource, const ListOptions& options, std::stop_token stop) {
  ListPage page;
  auto meta = list_each(resource, options, [&](Json&& item) { page.items.push_back(std::move(item)); }, stop);
  if (!meta && meta.error().kind == ErrorKind::kUnavailable && !stop.stop_requested()) {
    page.items.clear();
    meta = list_each(resource, options, [&](Json&& item) { page.items.push_back(std::move(item)); }, stop);
  }
  RETURN_IF_ERROR(meta);
  page.resource_version = std::move(meta->resource_version);
  page.continue_token = std::move(meta->continue_token);
  return page;
}

Result<ListMeta> Client::list_each(const Resource& resource, const ListOptions& options,
                                   const std::function<void(Json&&)>& on_item, std::stop_token stop) {
  const Call call{"list", resource.plural, options.namespace_};
  ListDecoder decoder;
  std::optional<Error> broken;
  const auto on_data = [&](std::string_view piece) {
    auto fed = decoder.feed(piece, on_item);
    if (!fed) broken = fed.error();
    return fed.has_value();
  };
  auto response = exchange_stream(call, list_request(resource, options), timeout_, on_data, stop);
  if (broken) return fail_in(call.what(), *broken);
  RETURN_IF_ERROR(response);
  auto envelope = decoder.finish();
  if (!envelope) return fail_in(call.what(), envelope.error());
  return list_meta(*envelope);
}

Result<void> Client::watch(const Resource& resource, const WatchOptions& options,
                           std::chrono::milliseconds idle_timeout, const std::function<bool(WatchEvent&&)>& on_event,
                           std::stop_token stop) {
  const Call call{"watch", resource.plural, options.namespace_};
  WatchDecoder decoder;
  std::optional<Error> broken;
  bool stopped = false;
  const auto on_each = [&](WatchEvent&& event) {
    if (event.type != EventType::kError) return on_event(std::move(event));
    broken = watch_error(event);
    return false;
  };
  const auto on_data = [&](std::string_view piece) {
    auto fed = decoder.feed(piece, on_each);
    if (!fed) broken = fed.error();
    stopped = !fed.value_or(false);
    return !stopped;
  };
  auto response = exchange_stream(call, watch_request(resource, options), idle_timeout, on_data, stop);
  if (broken) return fail_in(call.what(), *broken);
  RETURN_IF_ERROR(response);
  if (stopped) return {};
  if (auto whole = decoder.finish(); !whole) return fail_in(call.what(), whole.error());
  return {};
}

Result<std::string> Client::pod_log(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                                    std::stop_token stop) {
  auto response =
      exchange({"log", kPods.plural, name_of(namespace_, pod)}, pod_log_request(namespace_, pod, options), stop);
  RETURN_IF_ERROR(response);
  return std::move(response->body);
}

Result<void> Client::pod_log_stream(std::string_view namespace_, std::string_view pod, const LogOptions& options,
                                    std::chrono::milliseconds idle_timeout, const OnData& on_data,
                                    std::stop_token stop) {
  auto response = exchange_stream({"log", kPods.plural, name_of(namespace_, pod)},
                                  pod_log_request(namespace_, pod, options), idle_timeout, on_data, stop);
  RETURN_IF_ERROR(response);
  return {};
}

Result<std::string> Client::proxy(const Resource& resource, std::string_view namespace_, std::string_view target,
                                  std::string_view path, std::stop_token stop) {
  auto response = exchange({"proxy", resource.plural, name_of(namespace_, target)},
                           proxy_request(resource, namespace_, target, path), std::move(stop));
  RETURN_IF_ERROR(response);
  return std::move(response->body);
}

Result<ServerVersion> Client::server_version(std::stop_token stop) {
  const auto answer = whole(exchange_object({"get", "version", ""}, {.path = "/version"}, std::move(stop)));
  RETURN_IF_ERROR(answer);
  ServerVersion version;
  const auto parse = [&](const char* field, int& number) {
    // A vendor may put a '+' behind the number.
    const std::string text = api::text_at(*answer, field);
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  };
  if (!parse("major", version.major) || !parse("minor", version.minor)) {
    return fail(ErrorKind::kUnavailable, "get version: the answer is no version");
  }
  return version;
}

Result<TokenIdentity> Client::token_review(std::string_view token, const std::vector<std::string>& audiences,
                                           std::stop_token stop) {
  // Without an audience, the server would accept every token that is meant for the API server itself.
  if (audiences.empty()) return fail(ErrorKind::kInvalid, "token review: no audience given");
  const Json review{{"metadata", Json::object()}, {"spec", {{"token", token}, {"audiences", audiences}}}};
  // Errors carry no name: a TokenReview has none, and its body holds a secret.
  const auto answer = whole(exchange_object({"create", kTokenReviews.plural, ""},
                                            create_request(kTokenReviews, object_text(kTokenReviews, review)), stop));
  RETURN_IF_ERROR(answer);
  return identity_of(*answer);
}

}  // namespace modelrun::kube
