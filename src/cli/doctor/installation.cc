#include "cli/doctor/installation.h"

#include <fmt/ranges.h>

#include <utility>

#include "api/json_access.h"
#include "api/object_meta.h"
#include "base/text.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

Right right_of(std::string verb, const kube::Resource& resource, std::string_view namespace_, std::string_view name) {
  return {.verb = std::move(verb),
          .group = std::string(resource.group),
          .resource = std::string(resource.plural),
          .subresource = {},
          .namespace_ = std::string(resource.namespaced ? namespace_ : ""),
          .name = std::string(name)};
}

// The error of a request that the API server has answered with 403, in words that name the missing right. That of
// another answer is returned unchanged.
Error named(Error error, const Right& right) {
  if (error.kind != ErrorKind::kDenied || error.message.find(": 401 ") != std::string::npos) return error;
  return {ErrorKind::kDenied, "you may not " + right.text()};
}

kube::Json attributes_of(const Right& right) {
  kube::Json attributes{{"verb", right.verb}, {"group", right.group}, {"resource", right.resource}};
  api::put_text(attributes, "subresource", right.subresource);
  api::put_text(attributes, "namespace", right.namespace_);
  api::put_text(attributes, "name", right.name);
  return attributes;
}

}  // namespace

std::string Component::argument(std::string_view flag) const {
  const auto prefix = fmt::format("--{}=", flag);
  for (const auto& each : arguments) {
    if (each.starts_with(prefix)) return each.substr(prefix.size());
  }
  return {};
}

std::string Component::variable(std::string_view wanted_name) const {
  for (const auto& container : containers) {
    for (const auto& each : member(container, "env")) {
      if (text_at(each, "name") == wanted_name) return text_at(each, "value");
    }
  }
  return {};
}

std::vector<std::string> Component::namespaces() const {
  const auto text = argument("watch-namespaces");
  if (text.empty()) return {};
  const auto names = split_at(text, ',');
  return {names.begin(), names.end()};
}

std::string Right::text() const {
  const auto dot = group.empty() ? "" : "." + group;
  const auto kind = resource + dot + (subresource.empty() ? "" : "/" + subresource);
  const auto which = name.empty() ? kind : fmt::format("{} {}", kind, name);
  return fmt::format("{} {} in {}", verb, which,
                     namespace_.empty() ? std::string("the whole cluster") : "namespace " + namespace_);
}

Installation::Installation(Session& session, Options options, std::stop_token stop)
    : session_(session),
      options_(std::move(options)),
      stop_(std::move(stop)),
      client_(session.client.with_timeout(kRequestTime)) {}

Result<kube::Json> Installation::get(const kube::Resource& resource, std::string_view namespace_,
                                     std::string_view name) {
  auto object = client_.get(resource, namespace_, name, stop_);
  if (object) return object;
  return std::unexpected(named(std::move(object.error()), right_of("get", resource, namespace_, name)));
}

Result<std::optional<kube::Json>> Installation::find(const kube::Resource& resource, std::string_view namespace_,
                                                     std::string_view name) {
  auto object = get(resource, namespace_, name);
  if (object) return std::optional(std::move(*object));
  if (object.error().kind == ErrorKind::kNotFound) return std::optional<kube::Json>();
  return std::unexpected(std::move(object.error()));
}

Result<void> Installation::visit(const kube::Resource& resource, kube::ListOptions options, const Visit& visit) {
  options.limit = kPageSize;
  std::size_t items = 0;
  do {
    const auto page = client_.list(resource, options, stop_);
    if (!page) return std::unexpected(named(page.error(), right_of("list", resource, options.namespace_, "")));
    for (const auto& item : page->items) visit(item);
    items += page->items.size();
    options.continue_token = page->continue_token;
  } while (!options.continue_token.empty() && items < kMaxItems);
  return {};
}

Result<void> Installation::visit_everywhere(const kube::Resource& resource, kube::ListOptions options,
                                            const Visit& visit) {
  if (const auto own = op ? op->namespaces() : std::vector<std::string>(); !own.empty()) {
    for (const auto& namespace_ : own) {
      options.namespace_ = namespace_;
      RETURN_IF_ERROR(this->visit(resource, options, visit));
    }
    return {};
  }
  options.namespace_.clear();
  auto all = this->visit(resource, options, visit);
  if (all || all.error().kind != ErrorKind::kDenied) return all;
  options.namespace_ = session_.namespace_;
  if (!this->visit(resource, options, visit)) return all;
  limited = true;
  return {};
}

Result<std::vector<kube::Json>> Installation::list(const kube::Resource& resource, kube::ListOptions options) {
  std::vector<kube::Json> items;
  RETURN_IF_ERROR(visit(resource, std::move(options), [&](const kube::Json& item) { items.push_back(item); }));
  return items;
}

Result<std::string> Installation::proxy(const kube::Resource& resource, std::string_view namespace_,
                                        std::string_view target, std::string_view path) {
  auto answer = client_.proxy(resource, namespace_, target, path, stop_);
  if (answer) return answer;
  auto right = right_of("get", resource, namespace_, "");
  right.subresource = "proxy";
  return std::unexpected(named(std::move(answer.error()), right));
}

Result<bool> Installation::allowed(const Right& right) {
  return review(kube::kSelfSubjectAccessReviews, {{"resourceAttributes", attributes_of(right)}});
}

Result<bool> Installation::allowed(const Right& right, std::string_view service_account) {
  return review(kube::kSubjectAccessReviews,
                {{"resourceAttributes", attributes_of(right)},
                 {"user", fmt::format("system:serviceaccount:{}:{}", system(), service_account)},
                 {"groups", {"system:serviceaccounts", "system:serviceaccounts:" + system(), "system:authenticated"}}});
}

Result<bool> Installation::review(const kube::Resource& kind, const kube::Json& spec) {
  auto answer = client_.create(kind, {{"metadata", kube::Json::object()}, {"spec", spec}}, stop_);
  if (!answer) return std::unexpected(named(std::move(answer.error()), right_of("create", kind, "", "")));
  return api::bool_at(member(*answer, "status"), "allowed");
}

std::string Installation::kubectl(std::string_view arguments) const {
  std::string text = fmt::format("kubectl {}", arguments);
  if (!session_.flags.context.empty()) text += " --context " + session_.flags.context;
  if (!session_.flags.kubeconfig.empty()) text += " --kubeconfig " + session_.flags.kubeconfig;
  return text;
}

api::Conditions conditions_of(const kube::Json& object) {
  return api::decode_conditions(member(member(object, "status"), "conditions"));
}

bool has_true(const kube::Json& object, std::string_view condition) {
  const auto conditions = conditions_of(object);
  const auto* found = api::find_condition(conditions, condition);
  return found != nullptr && found->status == api::ConditionStatus::kTrue;
}

std::string selector_text(const kube::Json& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : api::texts_of(labels)) parts.push_back(fmt::format("{}={}", key, value));
  return fmt::format("{}", fmt::join(parts, ","));
}

Result<Component> read_component(Installation& installation, const kube::Json& deployment) {
  Component component;
  const auto& spec = member(deployment, "spec");
  const auto& pod = member(member(spec, "template"), "spec");
  component.name = text_at(member(deployment, "metadata"), "name");
  component.version_label = api::label_of(deployment, "app.kubernetes.io/version");
  component.wanted = api::int_at(spec, "replicas").value_or(1);
  component.ready = api::int_at(member(deployment, "status"), "readyReplicas").value_or(0);
  component.service_account = text_at(pod, "serviceAccountName");
  component.containers = member(pod, "containers");
  if (component.containers.is_array() && !component.containers.empty()) {
    for (const auto& argument : member(component.containers.front(), "args")) {
      if (argument.is_string()) component.arguments.push_back(argument.get<std::string>());
    }
  }
  auto pods = installation.list(kube::kPods,
                                {.namespace_ = installation.system(),
                                 .label_selector = selector_text(member(member(spec, "selector"), "matchLabels"))});
  RETURN_IF_ERROR(pods);
  for (auto& each : *pods) {
    if (!api::decode_meta(each).deleting()) component.pods.push_back(std::move(each));
  }
  return component;
}

}  // namespace modelrun::cli::doctor
