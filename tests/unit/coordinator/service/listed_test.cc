#include "coordinator/service/listed.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::UnorderedElementsAre;

using Field = google::protobuf::FieldDescriptor;

void SetSingle(google::protobuf::Message& message, const Field& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_STRING:
      return reflection.SetString(&message, &field, absl::StrCat("of ", field.name()));
    case Field::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, true);
    case Field::CPPTYPE_INT32:
      return reflection.SetInt32(&message, &field, 1);
    case Field::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, &field, 1);
    case Field::CPPTYPE_ENUM:
      return reflection.SetEnumValue(&message, &field, 2);
    case Field::CPPTYPE_MESSAGE:
      reflection.MutableMessage(&message, &field);
      return;
    default:
      ADD_FAILURE() << field.name() << " has a type that this test does not know";
  }
}

// Something in each field that there is, also in those of tomorrow.
v1::Handoff Full() {
  v1::Handoff full;
  const auto& descriptor = *full.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const Field& field = *descriptor.field(i);
    if (field.is_repeated()) {
      full.GetReflection()->AddMessage(&full, &field);
    } else {
      SetSingle(full, field);
    }
  }
  return full;
}

std::set<std::string> FieldsOf(const v1::Handoff& handoff) {
  std::vector<const Field*> fields;
  handoff.GetReflection()->ListFields(handoff, &fields);
  std::set<std::string> names;
  for (const Field* field : fields) names.insert(field->name());
  return names;
}

TEST(Listed, IsWhatIsNamedAndNothingElse) {
  const v1::Handoff full = Full();
  ASSERT_EQ(FieldsOf(full).size(), static_cast<size_t>(full.GetDescriptor()->field_count()));
  const v1::Handoff listed = Listed(full);
  EXPECT_THAT(FieldsOf(listed),
              UnorderedElementsAre("id", "owner", "status", "worker", "private", "deleted",
                                   "created_at", "updated_at", "last_activity_at", "ended_at"));
  EXPECT_EQ(listed.id(), "of id");
  EXPECT_EQ(listed.owner(), "of owner");
  EXPECT_EQ(listed.worker(), "of worker");
  EXPECT_EQ(listed.status(), full.status());
}

TEST(Listed, WhatIsAbsentStaysAbsent) { EXPECT_THAT(FieldsOf(Listed({})), ::testing::IsEmpty()); }

}  // namespace
}  // namespace handoff
