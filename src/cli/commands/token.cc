#include <openssl/rand.h>

#include <array>

#include "api/api_token.h"
#include "api/json_access.h"
#include "base/base64url.h"
#include "base/encoding.h"
#include "cli/commands/commands.h"
#include "cli/table.h"

namespace modelrun::cli {
namespace {

struct TokenFlags {
  std::string subject;
  std::string name;
  std::vector<std::string> groups;
  int days = 90;
  std::string secrets_namespace{api::kApiTokenNamespace};
};

constexpr std::string_view kCreateExamples = R"(  # the token is printed once and kept nowhere
  kubectl modelrun token create ci -n team-a --days 30
  # what it may do is RBAC's business
  kubectl create rolebinding ci -n team-a --clusterrole modelrun-editor --user modelrun-token:ci
)";

Result<std::string> new_token() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return fail(ErrorKind::kInternal, "there are no random numbers to be had");
  }
  return std::string(api::kApiTokenPrefix) +
         base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<int> create(Session& session, const TokenFlags& flags) {
  const auto token = new_token();
  RETURN_IF_ERROR(token);
  const auto digest = sha256_hex(*token);
  const Time expires = session.clock.now() + std::chrono::days(flags.days);
  const auto secret =
      api::token_secret(flags.secrets_namespace, digest, {flags.subject, flags.groups, session.namespace_, expires});
  const auto created = session.client.create(kube::kSecrets, secret, session.stop);
  RETURN_IF_ERROR(created);
  session.console.out(*token + "\n");
  session.console.note(fmt::format("{}: user {}{}, namespace {}, until {}", api::token_secret_name(digest),
                                   api::kApiTokenUserPrefix, flags.subject, session.namespace_,
                                   format_rfc3339(expires)));
  return 0;
}

Result<int> list(Session& session, const TokenFlags& flags) {
  const auto page = session.client.list(
      kube::kSecrets, {.namespace_ = flags.secrets_namespace, .label_selector = std::string(api::kApiTokenSelector)},
      session.stop);
  RETURN_IF_ERROR(page);
  std::vector<Row> rows{{"NAME", "SUBJECT", "NAMESPACE", "EXPIRES"}};
  for (const auto& secret : page->items) {
    const auto token = api::read_token_secret(secret);
    if (!token) continue;
    const auto& grant = token->grant;
    rows.push_back({api::text_at(api::member(secret, "metadata"), "name"), grant.subject, grant.namespace_,
                    grant.expires ? format_rfc3339(*grant.expires) : "never"});
  }
  session.console.out(render_table(rows));
  return 0;
}

Result<int> revoke(Session& session, const TokenFlags& flags) {
  // The argument is the Secret's name, as `list` shows it, or the token itself.
  const bool is_token = flags.name.starts_with(api::kApiTokenPrefix);
  const auto name = is_token ? api::token_secret_name(sha256_hex(flags.name)) : flags.name;
  const auto secret = session.client.get(kube::kSecrets, flags.secrets_namespace, name, session.stop);
  RETURN_IF_ERROR(secret);
  RETURN_IF_ERROR(api::read_token_secret(*secret));
  const auto removed = session.client.remove(kube::kSecrets, flags.secrets_namespace, name, {}, session.stop);
  RETURN_IF_ERROR(removed);
  session.console.out(fmt::format("{} is revoked; gateways that have just seen it take ten seconds to notice\n", name));
  return 0;
}

}  // namespace

void add_token(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<TokenFlags>();
  auto* command = app.add_subcommand("token", "Make, list and revoke API tokens for modelrun-gateway");
  command->require_subcommand(1);
  command->fallthrough();
  command
      ->add_option("--token-namespace", flags->secrets_namespace,
                   "where the tokens' Secrets are; the gateway's setting")
      ->capture_default_str();
  auto* made = command->add_subcommand("create", "Make a token and print it");
  made->add_option("SUBJECT", flags->subject, "who it is for; RBAC's user modelrun-token:SUBJECT")->required();
  made->add_option("--group", flags->groups, "a group, modelrun-token:GROUP; may be given again")
      ->allow_extra_args(false);
  made->add_option("--days", flags->days, "how long it is good")->check(CLI::Range(1, 3650))->capture_default_str();
  made->footer(footer(kCreateExamples));
  made->callback([flags, &chosen] { chosen = [flags](Session& session) { return create(session, *flags); }; });
  auto* listed = command->add_subcommand("list", "List the tokens");
  listed->callback([flags, &chosen] { chosen = [flags](Session& session) { return list(session, *flags); }; });
  auto* revoked = command->add_subcommand("revoke", "Make a token worthless");
  revoked->add_option("NAME", flags->name, "as list shows it, or the token")->required();
  revoked->callback([flags, &chosen] { chosen = [flags](Session& session) { return revoke(session, *flags); }; });
}

}  // namespace modelrun::cli
