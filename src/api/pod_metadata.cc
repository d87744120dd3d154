#include "api/pod_metadata.h"

#include <algorithm>
#include <array>

namespace modelrun::api {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kReserved{"modelrun.dev"sv, "kubernetes.io"sv, "k8s.io"sv, "x-k8s.io"sv};
constexpr std::array kOfNetworks{"cncf.io"sv, "cilium.io"sv, "ovn.org"sv, "projectcalico.org"sv};
constexpr std::array kOpenLabels{"app.kubernetes.io/name"sv,       "app.kubernetes.io/instance"sv,
                                 "app.kubernetes.io/version"sv,    "app.kubernetes.io/component"sv,
                                 "app.kubernetes.io/part-of"sv,    kLabelQueue,
                                 "kueue.x-k8s.io/priority-class"sv};
constexpr std::array kOfJobs{"job-name"sv, "controller-uid"sv};
constexpr auto kSafeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"sv;

bool has(const auto& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// Whether the domain of `key` is one of `domains` or below one of them.
bool is_of(const auto& domains, std::string_view key) {
  const auto domain = key.substr(0, key.find('/'));
  return domain.size() != key.size() && std::ranges::any_of(domains, [&](std::string_view each) {
           if (!domain.ends_with(each)) return false;
           return domain.size() == each.size() || domain[domain.size() - each.size() - 1] == '.';
         });
}

}  // namespace

bool is_open_label(std::string_view key) {
  if (key.empty() || has(kOfJobs, key)) return false;
  return has(kOpenLabels, key) || !is_of(kReserved, key);
}

bool is_open_annotation(std::string_view key) {
  if (key.find('/') == std::string_view::npos) return false;
  return key == kSafeToEvict || (!is_of(kReserved, key) && !is_of(kOfNetworks, key));
}

}  // namespace modelrun::api
