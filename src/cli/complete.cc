#include "cli/complete.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "api/json_access.h"
#include "cli/object_watch.h"

namespace modelrun::cli {
namespace {

using Kind = Wanted::Kind;

constexpr std::chrono::seconds kPatience{2};
constexpr int kMostNames = 500;

// What an option takes, by the option's name. The words of `-o` depend on the command.
struct Values {
  std::string_view option;
  Kind kind;
  std::string_view words = {};  // of kWords, with spaces between them
};
constexpr std::array kValues{Values{"--namespace", Kind::kNamespaces},
                             Values{"--project", Kind::kProjects},
                             Values{"--model", Kind::kModels},
                             Values{"--phase", Kind::kWords, "Pending Running Succeeded Failed TimedOut Cancelled"},
                             Values{"--kubeconfig", Kind::kFiles},
                             Values{"--filename", Kind::kFiles},
                             Values{"--params", Kind::kFiles},
                             Values{"--points", Kind::kFiles},
                             Values{"--all", Kind::kFiles},
                             Values{"--data", Kind::kFiles},
                             Values{"--python", Kind::kFiles}};

// What the commands take as their arguments, and the formats of their -o.
struct Arguments {
  std::string_view command;
  Kind kind;
  std::string_view words = {};
  std::string_view formats = {};
  bool several = false;
};
constexpr std::string_view kEndFormats = "text json outputs name";
constexpr std::array kArguments{Arguments{"run", Kind::kProjects, {}, kEndFormats},
                                Arguments{"sweep", Kind::kProjects, {}, "text csv json jsonl name yaml"},
                                Arguments{"get", Kind::kRunsAndSweeps, {}, "table wide yaml json name"},
                                Arguments{"describe", Kind::kRunsAndSweeps, {}, {}, true},
                                Arguments{"wait", Kind::kRunsAndSweeps, {}, kEndFormats},
                                Arguments{"logs", Kind::kRuns},
                                Arguments{"output", Kind::kRunsAndSweeps, {}, "text json jsonl csv"},
                                Arguments{"compare", Kind::kRunsAndSweeps, {}, "text json csv", true},
                                Arguments{"cancel", Kind::kRunsAndSweeps, {}, {}, true},
                                Arguments{"suspend", Kind::kRunsAndSweeps, {}, {}, true},
                                Arguments{"resume", Kind::kRunsAndSweeps, {}, {}, true},
                                Arguments{"delete", Kind::kRunsAndSweeps, {}, {}, true},
                                Arguments{"rerun", Kind::kRuns, {}, kEndFormats},
                                Arguments{"try", Kind::kFiles, {}, "text outputs"},
                                Arguments{"completion", Kind::kWords, "bash zsh fish kubectl"}};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

const CLI::Option* option_of(const CLI::App& app, const CLI::App* command, const std::string& name) {
  const auto* option = command == nullptr ? nullptr : command->get_option_no_throw(name);
  return option != nullptr ? option : app.get_option_no_throw(name);
}

const CLI::App* subcommand(const CLI::App& app, const std::string& name) {
  for (const auto* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->check_name(name)) return each;
  }
  return nullptr;
}

std::string described(const std::string& name, const std::string& what) {
  return what.empty() ? name : name + '\t' + what.substr(0, what.find('\n'));
}

void add_options(const CLI::App& app, Wanted& out) {
  for (const auto* option : app.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    for (const auto& name : option->get_lnames())
      out.words.push_back(described("--" + name, option->get_description()));
  }
}

void add_commands(const CLI::App& app, Wanted& out) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.words.push_back(described(command->get_name(), command->get_description()));
    for (const auto& alias : command->get_aliases()) out.words.push_back(described(alias, command->get_description()));
  }
}

// Walks over the words before the last.
class Walk {
 public:
  Walk(const CLI::App& app, const std::vector<std::string>& words) : app_(app), words_(words) {}

  Wanted run() {
    for (std::size_t i = 0; i + 1 < words_.size(); ++i) step(words_[i]);
    const auto& last = words_.back();
    out_.prefix = last;
    if (pending_ != nullptr) return value_of(*pending_);
    if (const auto equals = last.find('='); last.starts_with("--") && equals != std::string::npos) {
      const auto* option = option_of(app_, command_, last.substr(0, equals));
      out_.before = last.substr(0, equals + 1);
      out_.prefix = last.substr(equals + 1);
      return option == nullptr ? out_ : value_of(*option);
    }
    if (last.starts_with('-')) {
      if (command_ != nullptr) add_options(*command_, out_);
      add_options(app_, out_);
      return out_;
    }
    return argument();
  }

 private:
  // Shells split at '=' or do not: a lone '=' says nothing.
  void step(const std::string& word) {
    if (word == "=") return;
    if (pending_ != nullptr) {
      take(*std::exchange(pending_, nullptr), word);
    } else if (word.starts_with('-')) {
      const auto equals = word.find('=');
      const auto* option = option_of(app_, command_, word.substr(0, equals));
      if (option == nullptr || option->get_items_expected_max() == 0) return;
      equals == std::string::npos ? void(pending_ = option) : take(*option, word.substr(equals + 1));
    } else if (const auto* sub = subcommand(command_ == nullptr ? app_ : *command_, word);
               sub != nullptr && arguments_.empty()) {
      command_ = sub;
    } else {
      arguments_.push_back(word);
    }
  }

  void take(const CLI::Option& option, const std::string& value) {
    if (option.check_lname("namespace")) out_.flags.namespace_ = value;
    if (option.check_lname("context")) out_.flags.context = value;
    if (option.check_lname("kubeconfig")) out_.flags.kubeconfig = value;
  }

  [[nodiscard]] const Arguments* arguments_of_command() const {
    if (command_ == nullptr) return nullptr;
    const auto* const found = std::ranges::find(kArguments, command_->get_name(), &Arguments::command);
    return found == kArguments.end() ? nullptr : found;
  }

  Wanted value_of(const CLI::Option& option) {
    const auto* const of_command = arguments_of_command();
    if (option.check_lname("output") && of_command != nullptr) {
      out_.words = split(of_command->formats);
      return out_;
    }
    for (const auto& values : kValues) {
      if (!option.check_lname(std::string(values.option.substr(2)))) continue;
      out_.kind = values.kind;
      out_.words = split(values.words);
      if (!arguments_.empty()) out_.project = arguments_.front();
    }
    return out_;
  }

  Wanted argument() {
    if (command_ == nullptr) {
      if (arguments_.empty()) add_commands(app_, out_);
    } else if (const auto* of_command = arguments_of_command();
               of_command != nullptr && (arguments_.empty() || of_command->several)) {
      out_.kind = of_command->kind;
      out_.words = split(of_command->words);
    } else {
      add_commands(*command_, out_);
    }
    return out_;
  }

  const CLI::App& app_;
  const std::vector<std::string>& words_;
  const CLI::App* command_ = nullptr;
  const CLI::Option* pending_ = nullptr;  // an option whose value comes next
  std::vector<std::string> arguments_;
  Wanted out_;
};

constexpr std::string_view kSweepPrefix = "modelsweep/";

// The field of an object that completes a word: its name, or for kModels the model that it names.
std::string word_of(const kube::Json& item, Kind kind) {
  return kind == Kind::kModels ? api::text_at(api::member(item, "spec"), "modelName")
                               : api::text_at(api::member(item, "metadata"), "name");
}

// Names of objects, or for kModels the models that runs of the project have named. `resource`: whose.
std::vector<std::string> names_of(const Wanted& wanted, const kube::Resource& resource, const ApiAccess& access,
                                  const std::stop_token& stop) {
  kube::Client client(*access.transport);
  const bool models = wanted.kind == Kind::kModels;
  const kube::ListOptions options{
      .namespace_ = wanted.flags.namespace_.empty() ? access.namespace_ : wanted.flags.namespace_,
      .field_selector = models && !wanted.project.empty() ? "spec.project=" + wanted.project : "",
      .limit = kMostNames,
      .metadata_only = !models};
  const auto page = client.list(resource, options, stop);
  if (!page) return {};
  std::set<std::string> names;
  for (const auto& item : page->items) names.insert(word_of(item, wanted.kind));
  names.erase("");
  return {names.begin(), names.end()};
}

// What the API server knows; nothing if it does not answer in time.
std::vector<std::string> asked_for(const Wanted& wanted, const Surroundings& surroundings) {
  const auto access = surroundings.connect(wanted.flags);
  if (!access) return {};
  const Deadline deadline(surroundings.stop, kPatience);
  const auto of = [&](const kube::Resource& resource) { return names_of(wanted, resource, *access, deadline.token()); };
  if (wanted.kind == Kind::kProjects) return of(kube::kModelProjects);
  if (wanted.kind == Kind::kNamespaces) return of(kube::kNamespaces);
  if (wanted.kind != Kind::kRunsAndSweeps) return of(kube::kModelRuns);
  // A word that only one of the two can have is asked of that one.
  const std::string_view prefix = wanted.prefix;
  const auto slash = prefix.find('/');
  const auto sweep_prefix = slash == std::string_view::npos ? kSweepPrefix : prefix.substr(0, slash + 1);
  const bool sweeps =
      target_of(sweep_prefix).is_sweep() && (slash != std::string_view::npos || kSweepPrefix.starts_with(prefix));
  auto words = slash == std::string_view::npos ? of(kube::kModelRuns) : std::vector<std::string>();
  if (!sweeps) return words;
  for (const auto& name : of(kube::kModelSweeps)) words.push_back(std::string(sweep_prefix) + name);
  return words;
}

}  // namespace

Wanted wanted(const CLI::App& app, const std::vector<std::string>& words) {
  const std::vector<std::string> none{""};
  return Walk(app, words.empty() ? none : words).run();
}

int complete(const CLI::App& app, const std::vector<std::string>& words, const Surroundings& surroundings) {
  const auto found = wanted(app, words);
  const bool files = found.kind == Kind::kFiles;
  const auto candidates = found.kind == Kind::kWords ? found.words
                          : files                    ? std::vector<std::string>{}
                                                     : asked_for(found, surroundings);
  std::string text;
  for (const auto& candidate : candidates) {
    if (candidate.starts_with(found.prefix)) text += found.before + candidate + '\n';
  }
  surroundings.console.out(text + (files ? ":0\n" : ":4\n"));
  return 0;
}

}  // namespace modelrun::cli
