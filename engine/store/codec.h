// Between the wire and stored messages and the types of policy/. What comes from outside is
// checked here; what the store wrote itself is trusted once its seal holds.
#pragma once

#include "cordon/store/v1/records.pb.h"
#include "cordon/v1/admin.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/types.pb.h"
#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/policy/decide.h"

namespace cordon {

// Sorted and without repeats. Names are not checked against a scheme: Scheme::CheckLabel does.
Label FromProto(const v1::Label& label);
v1::Label ToProto(const Label& label);

// Refuses a clearance that is neither symbolic nor named, or both.
StatusOr<Clearance> FromProto(const v1::Clearance& clearance);
v1::Clearance ToProto(const Clearance& clearance);

// Refuses times outside the years 1 to 9999.
StatusOr<Micros> FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp ToProtoTime(Micros time);

// Refuses malformed principals and names, too many entries, a list that is empty or has only
// denies without inheriting. Fields are paths below the list, such as "allow[2]".
Status CheckAcl(const v1::Acl& acl);

// The list's own clause; `acl` must have passed CheckAcl, of which only times are refused here, as
// a stored record may be damaged. Principals are numbered in `principals`.
StatusOr<Clause> ClauseOf(const v1::Acl& acl, PrincipalTable* principals);

// Members or list entries, in the same way.
StatusOr<std::vector<TimedPrincipal>> EntriesOf(
    const google::protobuf::RepeatedPtrField<v1::Entry>& entries, PrincipalTable* principals);

// Refuses malformed principals, rights, patterns and names. An unset clearance is the lowest.
StatusOr<Grant> FromProto(const v1::KeyGrant& grant);
v1::KeyGrant ToProto(const Grant& grant);

// Refuses entries with none or both of their parts, or malformed ones; with their place in the
// list.
StatusOr<DeniedCertificates> FromProto(
    const google::protobuf::RepeatedPtrField<v1::DeniedCertificate>& denied);

// Refuses a malformed destination; an unset ceiling above all.
StatusOr<Destination> FromProto(const v1::Destination& destination);
v1::Destination ToProto(const Destination& destination);
StatusOr<ScopeRule> FromProto(const v1::ScopeRule& rule);
v1::ScopeRule ToProto(int scope, const ScopeRule& rule);

StatusOr<BreakGlassAccess> FromProto(const v1::BreakGlass& access);
v1::BreakGlass ToProto(const BreakGlassAccess& access);

// Refuses a malformed record of the directory.
Status CheckPrincipal(const v1::Principal& record);

// What a record says; it must have passed CheckPrincipal. Principals are numbered in `principals`.
StatusOr<std::shared_ptr<const DirectoryRecord>> ToRecord(const v1::Principal& record,
                                                          PrincipalTable* principals);

// Refuses a name that is not 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit.
Status CheckShortName(std::string_view field, std::string_view name);

// The scheme and what belongs to it, as it is stored.
store::v1::SchemeRecord ToProto(const PolicyRules& rules);

// The validity of a document: from INT64_MIN and until kNever where unset. Refuses an empty span.
struct Validity {
  Micros from = INT64_MIN;
  Micros until = kNever;
};
StatusOr<Validity> ValidityOf(const v1::Document& document);

}  // namespace cordon
