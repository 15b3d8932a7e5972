#include "observe/directory_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aegis::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Id = DirectoryTree::Id;

class DirectoryTreeTest : public testing::Test {
 protected:
  DirectoryTree tree_;
  Id a_ = tree_.Add(DirectoryTree::kRoot, "a");
  Id ab_ = tree_.Add(a_, "b");
  Id c_ = tree_.Add(DirectoryTree::kRoot, "c");
};

TEST_F(DirectoryTreeTest, NamesAreRelative) {
  EXPECT_EQ(tree_.Name(DirectoryTree::kRoot), "");
  EXPECT_EQ(tree_.Name(ab_), "a/b");
  EXPECT_EQ(tree_.Add(a_, "b"), ab_) << "it is there already";
  EXPECT_EQ(tree_.Child(a_, "b"), ab_);
  EXPECT_FALSE(tree_.Child(a_, "x"));
}

TEST_F(DirectoryTreeTest, AMoveTakesWhatIsBelow) {
  EXPECT_THAT(tree_.Move(a_, c_, "d"), IsEmpty());
  EXPECT_EQ(tree_.Name(ab_), "c/d/b");
  EXPECT_FALSE(tree_.Child(DirectoryTree::kRoot, "a"));
}

TEST_F(DirectoryTreeTest, WhatStoodThereIsRemoved) {
  EXPECT_THAT(tree_.Move(c_, DirectoryTree::kRoot, "a"), UnorderedElementsAre(a_, ab_));
  EXPECT_EQ(tree_.Name(c_), "a");
  EXPECT_FALSE(tree_.Has(ab_));
  EXPECT_THAT(tree_.Move(c_, DirectoryTree::kRoot, "a"), IsEmpty()) << "it is there already";
}

TEST_F(DirectoryTreeTest, NothingIsPutBelowItself) {
  EXPECT_THAT(tree_.Move(a_, ab_, "x"), UnorderedElementsAre(a_, ab_));
  EXPECT_TRUE(tree_.Has(c_));
}

TEST_F(DirectoryTreeTest, WhatReplacesItsParentGoesWithIt) {
  EXPECT_THAT(tree_.Move(ab_, DirectoryTree::kRoot, "a"), UnorderedElementsAre(a_, ab_));
}

TEST_F(DirectoryTreeTest, RemovedIdsHaveNoNameAndNoChild) {
  EXPECT_THAT(tree_.Remove(ab_), ElementsAre(ab_));
  EXPECT_EQ(tree_.Name(ab_), "");
  EXPECT_FALSE(tree_.Child(ab_, "x"));
  EXPECT_FALSE(tree_.Child(a_, "b"));
}

}  // namespace
}  // namespace aegis::observe
