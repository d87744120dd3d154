#include "runtime/project_labels.h"

#include <gtest/gtest.h>

namespace modelrun::runtime {
namespace {

constexpr const char* kOther = ProjectLabels::kOther;

TEST(ProjectLabels, KeepTheNamesThatCameFirst) {
  ProjectLabels labels;
  EXPECT_EQ(labels.of("n", "p"), (ProjectLabel{"n", "p"}));
  for (std::size_t i = 0; i < 2 * ProjectLabels::kMost; ++i) (void)labels.of("m", "q" + std::to_string(i));
  EXPECT_EQ(labels.of("n", "p"), (ProjectLabel{"n", "p"}));
}

TEST(ProjectLabels, OfOneNamespaceAreAShare) {
  ProjectLabels labels;
  for (std::size_t i = 0; i < ProjectLabels::kShare; ++i) {
    const auto name = "p" + std::to_string(i);
    EXPECT_EQ(labels.of("n", name).project, name);
  }
  EXPECT_EQ(labels.of("n", "one-more"), (ProjectLabel{"n", kOther}));
  EXPECT_EQ(labels.of("m", "one-more"), (ProjectLabel{"m", "one-more"}));
}

TEST(ProjectLabels, OfAllNamespacesAreBounded) {
  ProjectLabels labels;
  for (std::size_t i = 0; i < ProjectLabels::kMost; ++i) (void)labels.of("n" + std::to_string(i), "p");
  EXPECT_EQ(labels.of("n0", "p"), (ProjectLabel{"n0", "p"}));
  EXPECT_EQ(labels.of("late", "p"), (ProjectLabel{kOther, kOther}));
  EXPECT_EQ(labels.of("n0", "late"), (ProjectLabel{kOther, kOther}));
}

}  // namespace
}  // namespace modelrun::runtime
