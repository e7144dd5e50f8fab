/** One test of NIST's Public Key Interoperability Test Suite, version 1.0.1. */
export interface PkitsCase {
  /** The section of its description; the last part counts variants with other inputs. */
  readonly number: string;
  /** What the suite expects. */
  readonly expected: "valid" | "invalid";
  /** What we make of it: `valid`, or the code of the refusal. */
  readonly actual: string;
  /** The end entity's certificate: the name of a file, without `.crt`. */
  readonly leaf: string;
  readonly intermediates: readonly string[];
  /** Revocation lists beside the one of the trust anchor: names of files, without `.crl`. */
  readonly crls: readonly string[];
  /** `explicit`, `policies=1,2`, `inhibit-mapping`, `inhibit-any`. */
  readonly inputs: readonly string[];
}

/** Number, expected, actual, leaf, intermediates, revocation lists, inputs. */
const TABLE = `
4.1.1 | valid | valid | ValidCertificatePathTest1 | GoodCACert | GoodCACRL | -
4.1.2 | invalid | pki/bad-certificate | InvalidCASignatureTest2 | BadSignedCACert | BadSignedCACRL | -
4.1.3 | invalid | pki/path-bad-signature | InvalidEESignatureTest3 | GoodCACert | GoodCACRL | -
4.1.4 | valid | pki/path-unsupported-algorithm | ValidDSASignaturesTest4 | DSACACert | DSACACRL | -
4.1.5 | valid | pki/path-unsupported-algorithm | ValidDSAParameterInheritanceTest5 | DSACACert DSAParametersInheritedCACert | DSACACRL DSAParametersInheritedCACRL | -
4.1.6 | invalid | pki/bad-certificate | InvalidDSASignatureTest6 | DSACACert | DSACACRL | -
4.2.1 | invalid | pki/path-not-yet-valid | InvalidCAnotBeforeDateTest1 | BadnotBeforeDateCACert | BadnotBeforeDateCACRL | -
4.2.2 | invalid | pki/path-not-yet-valid | InvalidEEnotBeforeDateTest2 | GoodCACert | GoodCACRL | -
4.2.3 | valid | valid | Validpre2000UTCnotBeforeDateTest3 | GoodCACert | GoodCACRL | -
4.2.4 | valid | valid | ValidGeneralizedTimenotBeforeDateTest4 | GoodCACert | GoodCACRL | -
4.2.5 | invalid | pki/path-expired | InvalidCAnotAfterDateTest5 | BadnotAfterDateCACert | BadnotAfterDateCACRL | -
4.2.6 | invalid | pki/path-expired | InvalidEEnotAfterDateTest6 | GoodCACert | GoodCACRL | -
4.2.7 | invalid | pki/path-expired | Invalidpre2000UTCEEnotAfterDateTest7 | GoodCACert | GoodCACRL | -
4.2.8 | valid | valid | ValidGeneralizedTimenotAfterDateTest8 | GoodCACert | GoodCACRL | -
4.3.1 | invalid | pki/path-no-anchor | InvalidNameChainingTest1 | GoodCACert | GoodCACRL | -
4.3.2 | invalid | pki/path-no-anchor | InvalidNameChainingOrderTest2 | NameOrderingCACert | NameOrderCACRL | -
4.3.3 | valid | valid | ValidNameChainingWhitespaceTest3 | GoodCACert | GoodCACRL | -
4.3.4 | valid | valid | ValidNameChainingWhitespaceTest4 | GoodCACert | GoodCACRL | -
4.3.5 | valid | valid | ValidNameChainingCapitalizationTest5 | GoodCACert | GoodCACRL | -
4.3.6 | valid | valid | ValidNameUIDsTest6 | UIDCACert | UIDCACRL | -
4.3.7 | valid | valid | ValidRFC3280MandatoryAttributeTypesTest7 | RFC3280MandatoryAttributeTypesCACert | RFC3280MandatoryAttributeTypesCACRL | -
4.3.8 | valid | valid | ValidRFC3280OptionalAttributeTypesTest8 | RFC3280OptionalAttributeTypesCACert | RFC3280OptionalAttributeTypesCACRL | -
4.3.9 | valid | valid | ValidUTF8StringEncodedNamesTest9 | UTF8StringEncodedNamesCACert | UTF8StringEncodedNamesCACRL | -
4.3.10 | valid | valid | ValidRolloverfromPrintableStringtoUTF8StringTest10 | RolloverfromPrintableStringtoUTF8StringCACert | RolloverfromPrintableStringtoUTF8StringCACRL | -
4.3.11 | valid | valid | ValidUTF8StringCaseInsensitiveMatchTest11 | UTF8StringCaseInsensitiveMatchCACert | UTF8StringCaseInsensitiveMatchCACRL | -
4.4.1 | invalid | pki/path-crl-missing | InvalidMissingCRLTest1 | NoCRLCACert | - | -
4.4.2 | invalid | pki/path-revoked | InvalidRevokedCATest2 | GoodCACert RevokedsubCACert | RevokedsubCACRL GoodCACRL | -
4.4.3 | invalid | pki/path-revoked | InvalidRevokedEETest3 | GoodCACert | GoodCACRL | -
4.4.4 | invalid | pki/bad-crl | InvalidBadCRLSignatureTest4 | BadCRLSignatureCACert | BadCRLSignatureCACRL | -
4.4.5 | invalid | pki/path-crl-missing | InvalidBadCRLIssuerNameTest5 | BadCRLIssuerNameCACert | BadCRLIssuerNameCACRL | -
4.4.6 | invalid | pki/path-crl-missing | InvalidWrongCRLTest6 | WrongCRLCACert | - | -
4.4.7 | valid | valid | ValidTwoCRLsTest7 | TwoCRLsCACert | TwoCRLsCAGoodCRL TwoCRLsCABadCRL | -
4.4.8 | invalid | pki/unsupported-crl | InvalidUnknownCRLEntryExtensionTest8 | UnknownCRLEntryExtensionCACert | UnknownCRLEntryExtensionCACRL | -
4.4.9 | invalid | pki/unsupported-crl | InvalidUnknownCRLExtensionTest9 | UnknownCRLExtensionCACert | UnknownCRLExtensionCACRL | -
4.4.10 | invalid | pki/unsupported-crl | InvalidUnknownCRLExtensionTest10 | UnknownCRLExtensionCACert | UnknownCRLExtensionCACRL | -
4.4.11 | invalid | pki/path-crl-expired | InvalidOldCRLnextUpdateTest11 | OldCRLnextUpdateCACert | OldCRLnextUpdateCACRL | -
4.4.12 | invalid | pki/path-crl-expired | Invalidpre2000CRLnextUpdateTest12 | pre2000CRLnextUpdateCACert | pre2000CRLnextUpdateCACRL | -
4.4.13 | valid | valid | ValidGeneralizedTimeCRLnextUpdateTest13 | GeneralizedTimeCRLnextUpdateCACert | GeneralizedTimeCRLnextUpdateCACRL | -
4.4.14 | valid | valid | ValidNegativeSerialNumberTest14 | NegativeSerialNumberCACert | NegativeSerialNumberCACRL | -
4.4.15 | invalid | pki/path-serial-number | InvalidNegativeSerialNumberTest15 | NegativeSerialNumberCACert | NegativeSerialNumberCACRL | -
4.4.16 | valid | valid | ValidLongSerialNumberTest16 | LongSerialNumberCACert | LongSerialNumberCACRL | -
4.4.17 | valid | valid | ValidLongSerialNumberTest17 | LongSerialNumberCACert | LongSerialNumberCACRL | -
4.4.18 | invalid | pki/path-revoked | InvalidLongSerialNumberTest18 | LongSerialNumberCACert | LongSerialNumberCACRL | -
4.4.19 | valid | valid | ValidSeparateCertificateandCRLKeysTest19 | SeparateCertificateandCRLKeysCertificateSigningCACert SeparateCertificateandCRLKeysCRLSigningCert | SeparateCertificateandCRLKeysCRL | -
4.4.20 | invalid | pki/path-revoked | InvalidSeparateCertificateandCRLKeysTest20 | SeparateCertificateandCRLKeysCertificateSigningCACert SeparateCertificateandCRLKeysCRLSigningCert | SeparateCertificateandCRLKeysCRL | -
4.4.21 | invalid | pki/path-crl-signature | InvalidSeparateCertificateandCRLKeysTest21 | SeparateCertificateandCRLKeysCA2CertificateSigningCACert SeparateCertificateandCRLKeysCA2CRLSigningCert | SeparateCertificateandCRLKeysCA2CRL | -
4.5.1 | valid | valid | ValidBasicSelfIssuedOldWithNewTest1 | BasicSelfIssuedNewKeyCACert BasicSelfIssuedNewKeyOldWithNewCACert | BasicSelfIssuedNewKeyCACRL | -
4.5.2 | invalid | pki/path-revoked | InvalidBasicSelfIssuedOldWithNewTest2 | BasicSelfIssuedNewKeyCACert BasicSelfIssuedNewKeyOldWithNewCACert | BasicSelfIssuedNewKeyCACRL | -
4.5.3 | valid | valid | ValidBasicSelfIssuedNewWithOldTest3 | BasicSelfIssuedOldKeyCACert BasicSelfIssuedOldKeyNewWithOldCACert | BasicSelfIssuedOldKeyCACRL BasicSelfIssuedOldKeySelfIssuedCertCRL | -
4.5.4 | valid | valid | ValidBasicSelfIssuedNewWithOldTest4 | BasicSelfIssuedOldKeyCACert BasicSelfIssuedOldKeyNewWithOldCACert | BasicSelfIssuedOldKeyCACRL BasicSelfIssuedOldKeySelfIssuedCertCRL | -
4.5.5 | invalid | pki/path-revoked | InvalidBasicSelfIssuedNewWithOldTest5 | BasicSelfIssuedOldKeyCACert BasicSelfIssuedOldKeyNewWithOldCACert | BasicSelfIssuedOldKeyCACRL BasicSelfIssuedOldKeySelfIssuedCertCRL | -
4.5.6 | valid | valid | ValidBasicSelfIssuedCRLSigningKeyTest6 | BasicSelfIssuedCRLSigningKeyCACert BasicSelfIssuedCRLSigningKeyCRLCert | BasicSelfIssuedCRLSigningKeyCACRL BasicSelfIssuedCRLSigningKeyCRLCertCRL | -
4.5.7 | invalid | pki/path-revoked | InvalidBasicSelfIssuedCRLSigningKeyTest7 | BasicSelfIssuedCRLSigningKeyCACert BasicSelfIssuedCRLSigningKeyCRLCert | BasicSelfIssuedCRLSigningKeyCACRL BasicSelfIssuedCRLSigningKeyCRLCertCRL | -
4.5.8 | invalid | pki/path-not-ca | InvalidBasicSelfIssuedCRLSigningKeyTest8 | BasicSelfIssuedCRLSigningKeyCACert BasicSelfIssuedCRLSigningKeyCRLCert | BasicSelfIssuedCRLSigningKeyCACRL BasicSelfIssuedCRLSigningKeyCRLCertCRL | -
4.6.1 | invalid | pki/path-not-ca | InvalidMissingbasicConstraintsTest1 | MissingbasicConstraintsCACert | MissingbasicConstraintsCACRL | -
4.6.2 | invalid | pki/path-not-ca | InvalidcAFalseTest2 | basicConstraintsCriticalcAFalseCACert | basicConstraintsCriticalcAFalseCACRL | -
4.6.3 | invalid | pki/path-not-ca | InvalidcAFalseTest3 | basicConstraintsNotCriticalcAFalseCACert | basicConstraintsNotCriticalcAFalseCACRL | -
4.6.4 | valid | valid | ValidbasicConstraintsNotCriticalTest4 | basicConstraintsNotCriticalCACert | basicConstraintsNotCriticalCACRL | -
4.6.5 | invalid | pki/path-length | InvalidpathLenConstraintTest5 | pathLenConstraint0CACert pathLenConstraint0subCACert | pathLenConstraint0CACRL pathLenConstraint0subCACRL | -
4.6.6 | invalid | pki/path-length | InvalidpathLenConstraintTest6 | pathLenConstraint0CACert pathLenConstraint0subCACert | pathLenConstraint0CACRL pathLenConstraint0subCACRL | -
4.6.7 | valid | valid | ValidpathLenConstraintTest7 | pathLenConstraint0CACert | pathLenConstraint0CACRL | -
4.6.8 | valid | valid | ValidpathLenConstraintTest8 | pathLenConstraint0CACert | pathLenConstraint0CACRL | -
4.6.9 | invalid | pki/path-length | InvalidpathLenConstraintTest9 | pathLenConstraint6CACert pathLenConstraint6subCA0Cert pathLenConstraint6subsubCA00Cert | pathLenConstraint6CACRL pathLenConstraint6subCA0CRL pathLenConstraint6subsubCA00CRL | -
4.6.10 | invalid | pki/path-length | InvalidpathLenConstraintTest10 | pathLenConstraint6CACert pathLenConstraint6subCA0Cert pathLenConstraint6subsubCA00Cert | pathLenConstraint6CACRL pathLenConstraint6subCA0CRL pathLenConstraint6subsubCA00CRL | -
4.6.11 | invalid | pki/path-length | InvalidpathLenConstraintTest11 | pathLenConstraint6CACert pathLenConstraint6subCA1Cert pathLenConstraint6subsubCA11Cert pathLenConstraint6subsubsubCA11XCert | pathLenConstraint6CACRL pathLenConstraint6subCA1CRL pathLenConstraint6subsubCA11CRL pathLenConstraint6subsubsubCA11XCRL | -
4.6.12 | invalid | pki/path-length | InvalidpathLenConstraintTest12 | pathLenConstraint6CACert pathLenConstraint6subCA1Cert pathLenConstraint6subsubCA11Cert pathLenConstraint6subsubsubCA11XCert | pathLenConstraint6CACRL pathLenConstraint6subCA1CRL pathLenConstraint6subsubCA11CRL pathLenConstraint6subsubsubCA11XCRL | -
4.6.13 | valid | valid | ValidpathLenConstraintTest13 | pathLenConstraint6CACert pathLenConstraint6subCA4Cert pathLenConstraint6subsubCA41Cert pathLenConstraint6subsubsubCA41XCert | pathLenConstraint6CACRL pathLenConstraint6subCA4CRL pathLenConstraint6subsubCA41CRL pathLenConstraint6subsubsubCA41XCRL | -
4.6.14 | valid | valid | ValidpathLenConstraintTest14 | pathLenConstraint6CACert pathLenConstraint6subCA4Cert pathLenConstraint6subsubCA41Cert pathLenConstraint6subsubsubCA41XCert | pathLenConstraint6CACRL pathLenConstraint6subCA4CRL pathLenConstraint6subsubCA41CRL pathLenConstraint6subsubsubCA41XCRL | -
4.6.15 | valid | valid | ValidSelfIssuedpathLenConstraintTest15 | pathLenConstraint0CACert pathLenConstraint0SelfIssuedCACert | pathLenConstraint0CACRL | -
4.6.16 | invalid | pki/path-length | InvalidSelfIssuedpathLenConstraintTest16 | pathLenConstraint0CACert pathLenConstraint0SelfIssuedCACert pathLenConstraint0subCA2Cert | pathLenConstraint0CACRL pathLenConstraint0subCA2CRL | -
4.6.17 | valid | valid | ValidSelfIssuedpathLenConstraintTest17 | pathLenConstraint1CACert pathLenConstraint1SelfIssuedCACert pathLenConstraint1subCACert pathLenConstraint1SelfIssuedsubCACert | pathLenConstraint1CACRL pathLenConstraint1subCACRL | -
4.7.1 | invalid | pki/path-key-usage | InvalidkeyUsageCriticalkeyCertSignFalseTest1 | keyUsageCriticalkeyCertSignFalseCACert | keyUsageCriticalkeyCertSignFalseCACRL | -
4.7.2 | invalid | pki/path-key-usage | InvalidkeyUsageNotCriticalkeyCertSignFalseTest2 | keyUsageNotCriticalkeyCertSignFalseCACert | keyUsageNotCriticalkeyCertSignFalseCACRL | -
4.7.3 | valid | valid | ValidkeyUsageNotCriticalTest3 | keyUsageNotCriticalCACert | keyUsageNotCriticalCACRL | -
4.7.4 | invalid | pki/path-crl-signature | InvalidkeyUsageCriticalcRLSignFalseTest4 | keyUsageCriticalcRLSignFalseCACert | keyUsageCriticalcRLSignFalseCACRL | -
4.7.5 | invalid | pki/path-crl-signature | InvalidkeyUsageNotCriticalcRLSignFalseTest5 | keyUsageNotCriticalcRLSignFalseCACert | keyUsageNotCriticalcRLSignFalseCACRL | -
4.8.1.1 | valid | valid | ValidCertificatePathTest1 | GoodCACert | GoodCACRL | explicit
4.8.1.2 | valid | valid | ValidCertificatePathTest1 | GoodCACert | GoodCACRL | explicit policies=1
4.8.1.3 | invalid | pki/path-policy | ValidCertificatePathTest1 | GoodCACert | GoodCACRL | explicit policies=2
4.8.1.4 | valid | valid | ValidCertificatePathTest1 | GoodCACert | GoodCACRL | explicit policies=1,2
4.8.2.1 | valid | valid | AllCertificatesNoPoliciesTest2 | NoPoliciesCACert | NoPoliciesCACRL | -
4.8.2.2 | invalid | pki/path-policy | AllCertificatesNoPoliciesTest2 | NoPoliciesCACert | NoPoliciesCACRL | explicit
4.8.3.1 | valid | valid | DifferentPoliciesTest3 | GoodCACert PoliciesP2subCACert | PoliciesP2subCACRL GoodCACRL | -
4.8.3.2 | invalid | pki/path-policy | DifferentPoliciesTest3 | GoodCACert PoliciesP2subCACert | PoliciesP2subCACRL GoodCACRL | explicit
4.8.3.3 | invalid | pki/path-policy | DifferentPoliciesTest3 | GoodCACert PoliciesP2subCACert | PoliciesP2subCACRL GoodCACRL | explicit policies=1,2
4.8.4 | invalid | pki/path-policy | DifferentPoliciesTest4 | GoodCACert GoodsubCACert | GoodsubCACRL GoodCACRL | -
4.8.5 | invalid | pki/path-policy | DifferentPoliciesTest5 | GoodCACert PoliciesP2subCA2Cert | PoliciesP2subCA2CRL GoodCACRL | -
4.8.6.1 | valid | valid | OverlappingPoliciesTest6 | PoliciesP1234CACert PoliciesP1234subCAP123Cert PoliciesP1234subsubCAP123P12Cert | PoliciesP1234CACRL PoliciesP1234subCAP123CRL PoliciesP1234subsubCAP123P12CRL | -
4.8.6.2 | valid | valid | OverlappingPoliciesTest6 | PoliciesP1234CACert PoliciesP1234subCAP123Cert PoliciesP1234subsubCAP123P12Cert | PoliciesP1234CACRL PoliciesP1234subCAP123CRL PoliciesP1234subsubCAP123P12CRL | policies=1
4.8.6.3 | invalid | pki/path-policy | OverlappingPoliciesTest6 | PoliciesP1234CACert PoliciesP1234subCAP123Cert PoliciesP1234subsubCAP123P12Cert | PoliciesP1234CACRL PoliciesP1234subCAP123CRL PoliciesP1234subsubCAP123P12CRL | policies=2
4.8.7 | invalid | pki/path-policy | DifferentPoliciesTest7 | PoliciesP123CACert PoliciesP123subCAP12Cert PoliciesP123subsubCAP12P1Cert | PoliciesP123CACRL PoliciesP123subCAP12CRL PoliciesP123subsubCAP12P1CRL | -
4.8.8 | invalid | pki/path-policy | DifferentPoliciesTest8 | PoliciesP12CACert PoliciesP12subCAP1Cert PoliciesP12subsubCAP1P2Cert | PoliciesP12CACRL PoliciesP12subCAP1CRL PoliciesP12subsubCAP1P2CRL | -
4.8.9 | invalid | pki/path-policy | DifferentPoliciesTest9 | PoliciesP123CACert PoliciesP123subCAP12Cert PoliciesP123subsubCAP12P2Cert PoliciesP123subsubsubCAP12P2P1Cert | PoliciesP123CACRL PoliciesP123subCAP12CRL PoliciesP123subsubCAP2P2CRL PoliciesP123subsubsubCAP12P2P1CRL | -
4.8.10.1 | valid | valid | AllCertificatesSamePoliciesTest10 | PoliciesP12CACert | PoliciesP12CACRL | -
4.8.10.2 | valid | valid | AllCertificatesSamePoliciesTest10 | PoliciesP12CACert | PoliciesP12CACRL | policies=1
4.8.10.3 | valid | valid | AllCertificatesSamePoliciesTest10 | PoliciesP12CACert | PoliciesP12CACRL | policies=2
4.8.11.1 | valid | valid | AllCertificatesanyPolicyTest11 | anyPolicyCACert | anyPolicyCACRL | -
4.8.11.2 | valid | valid | AllCertificatesanyPolicyTest11 | anyPolicyCACert | anyPolicyCACRL | policies=1
4.8.12 | invalid | pki/path-policy | DifferentPoliciesTest12 | PoliciesP3CACert | PoliciesP3CACRL | -
4.8.13.1 | valid | valid | AllCertificatesSamePoliciesTest13 | PoliciesP123CACert | PoliciesP123CACRL | policies=1
4.8.13.2 | valid | valid | AllCertificatesSamePoliciesTest13 | PoliciesP123CACert | PoliciesP123CACRL | policies=2
4.8.13.3 | valid | valid | AllCertificatesSamePoliciesTest13 | PoliciesP123CACert | PoliciesP123CACRL | policies=3
4.8.14.1 | valid | valid | AnyPolicyTest14 | anyPolicyCACert | anyPolicyCACRL | policies=1
4.8.14.2 | invalid | pki/path-policy | AnyPolicyTest14 | anyPolicyCACert | anyPolicyCACRL | policies=2
4.8.15 | valid | valid | UserNoticeQualifierTest15 | - | - | -
4.8.16 | valid | valid | UserNoticeQualifierTest16 | GoodCACert | GoodCACRL | -
4.8.17 | valid | valid | UserNoticeQualifierTest17 | GoodCACert | GoodCACRL | -
4.8.18.1 | valid | valid | UserNoticeQualifierTest18 | PoliciesP12CACert | PoliciesP12CACRL | policies=1
4.8.18.2 | valid | valid | UserNoticeQualifierTest18 | PoliciesP12CACert | PoliciesP12CACRL | policies=2
4.8.19 | valid | valid | UserNoticeQualifierTest19 | - | - | -
4.8.20 | valid | valid | CPSPointerQualifierTest20 | GoodCACert | GoodCACRL | -
4.9.1 | valid | valid | ValidrequireExplicitPolicyTest1 | requireExplicitPolicy10CACert requireExplicitPolicy10subCACert requireExplicitPolicy10subsubCACert requireExplicitPolicy10subsubsubCACert | requireExplicitPolicy10CACRL requireExplicitPolicy10subCACRL requireExplicitPolicy10subsubCACRL requireExplicitPolicy10subsubsubCACRL | -
4.9.2 | valid | valid | ValidrequireExplicitPolicyTest2 | requireExplicitPolicy5CACert requireExplicitPolicy5subCACert requireExplicitPolicy5subsubCACert requireExplicitPolicy5subsubsubCACert | requireExplicitPolicy5CACRL requireExplicitPolicy5subCACRL requireExplicitPolicy5subsubCACRL requireExplicitPolicy5subsubsubCACRL | -
4.9.3 | invalid | pki/path-policy | InvalidrequireExplicitPolicyTest3 | requireExplicitPolicy4CACert requireExplicitPolicy4subCACert requireExplicitPolicy4subsubCACert requireExplicitPolicy4subsubsubCACert | requireExplicitPolicy4CACRL requireExplicitPolicy4subCACRL requireExplicitPolicy4subsubCACRL requireExplicitPolicy4subsubsubCACRL | -
4.9.4 | valid | valid | ValidrequireExplicitPolicyTest4 | requireExplicitPolicy0CACert requireExplicitPolicy0subCACert requireExplicitPolicy0subsubCACert requireExplicitPolicy0subsubsubCACert | requireExplicitPolicy0CACRL requireExplicitPolicy0subCACRL requireExplicitPolicy0subsubCACRL requireExplicitPolicy0subsubsubCACRL | -
4.9.5 | invalid | pki/path-policy | InvalidrequireExplicitPolicyTest5 | requireExplicitPolicy7CACert requireExplicitPolicy7subCARE2Cert requireExplicitPolicy7subsubCARE2RE4Cert requireExplicitPolicy7subsubsubCARE2RE4Cert | requireExplicitPolicy7CACRL requireExplicitPolicy7subCARE2CRL requireExplicitPolicy7subsubCARE2RE4CRL requireExplicitPolicy7subsubsubCARE2RE4CRL | -
4.9.6 | valid | valid | ValidSelfIssuedrequireExplicitPolicyTest6 | requireExplicitPolicy2CACert requireExplicitPolicy2SelfIssuedCACert | requireExplicitPolicy2CACRL | -
4.9.7 | invalid | pki/path-policy | InvalidSelfIssuedrequireExplicitPolicyTest7 | requireExplicitPolicy2CACert requireExplicitPolicy2SelfIssuedCACert requireExplicitPolicy2subCACert | requireExplicitPolicy2CACRL requireExplicitPolicy2subCACRL | -
4.9.8 | invalid | pki/path-policy | InvalidSelfIssuedrequireExplicitPolicyTest8 | requireExplicitPolicy2CACert requireExplicitPolicy2SelfIssuedCACert requireExplicitPolicy2subCACert requireExplicitPolicy2SelfIssuedsubCACert | requireExplicitPolicy2CACRL requireExplicitPolicy2subCACRL | -
4.10.1.1 | valid | valid | ValidPolicyMappingTest1 | Mapping1to2CACert | Mapping1to2CACRL | policies=1
4.10.1.2 | invalid | pki/path-policy | ValidPolicyMappingTest1 | Mapping1to2CACert | Mapping1to2CACRL | policies=2
4.10.1.3 | invalid | pki/path-policy | ValidPolicyMappingTest1 | Mapping1to2CACert | Mapping1to2CACRL | inhibit-mapping
4.10.2.1 | invalid | pki/path-policy | InvalidPolicyMappingTest2 | Mapping1to2CACert | Mapping1to2CACRL | -
4.10.2.2 | invalid | pki/path-policy | InvalidPolicyMappingTest2 | Mapping1to2CACert | Mapping1to2CACRL | inhibit-mapping
4.10.3.1 | invalid | pki/path-policy | ValidPolicyMappingTest3 | P12Mapping1to3CACert P12Mapping1to3subCACert P12Mapping1to3subsubCACert | P12Mapping1to3CACRL P12Mapping1to3subCACRL P12Mapping1to3subsubCACRL | policies=1
4.10.3.2 | valid | valid | ValidPolicyMappingTest3 | P12Mapping1to3CACert P12Mapping1to3subCACert P12Mapping1to3subsubCACert | P12Mapping1to3CACRL P12Mapping1to3subCACRL P12Mapping1to3subsubCACRL | policies=2
4.10.4 | invalid | pki/path-policy | InvalidPolicyMappingTest4 | P12Mapping1to3CACert P12Mapping1to3subCACert P12Mapping1to3subsubCACert | P12Mapping1to3CACRL P12Mapping1to3subCACRL P12Mapping1to3subsubCACRL | -
4.10.5.1 | valid | valid | ValidPolicyMappingTest5 | P1Mapping1to234CACert P1Mapping1to234subCACert | P1Mapping1to234CACRL P1Mapping1to234subCACRL | policies=1
4.10.5.2 | invalid | pki/path-policy | ValidPolicyMappingTest5 | P1Mapping1to234CACert P1Mapping1to234subCACert | P1Mapping1to234CACRL P1Mapping1to234subCACRL | policies=6
4.10.6.1 | valid | valid | ValidPolicyMappingTest6 | P1Mapping1to234CACert P1Mapping1to234subCACert | P1Mapping1to234CACRL P1Mapping1to234subCACRL | policies=1
4.10.6.2 | invalid | pki/path-policy | ValidPolicyMappingTest6 | P1Mapping1to234CACert P1Mapping1to234subCACert | P1Mapping1to234CACRL P1Mapping1to234subCACRL | policies=6
4.10.7 | invalid | pki/path-policy | InvalidMappingFromanyPolicyTest7 | MappingFromanyPolicyCACert | MappingFromanyPolicyCACRL | -
4.10.8 | invalid | pki/path-policy | InvalidMappingToanyPolicyTest8 | MappingToanyPolicyCACert | MappingToanyPolicyCACRL | -
4.10.9 | valid | valid | ValidPolicyMappingTest9 | PanyPolicyMapping1to2CACert | PanyPolicyMapping1to2CACRL | -
4.10.10 | invalid | pki/path-policy | InvalidPolicyMappingTest10 | GoodCACert GoodsubCAPanyPolicyMapping1to2CACert | GoodsubCAPanyPolicyMapping1to2CACRL GoodCACRL | -
4.10.11 | valid | valid | ValidPolicyMappingTest11 | GoodCACert GoodsubCAPanyPolicyMapping1to2CACert | GoodsubCAPanyPolicyMapping1to2CACRL GoodCACRL | -
4.10.12.1 | valid | valid | ValidPolicyMappingTest12 | P12Mapping1to3CACert | P12Mapping1to3CACRL | policies=1
4.10.12.2 | valid | valid | ValidPolicyMappingTest12 | P12Mapping1to3CACert | P12Mapping1to3CACRL | policies=2
4.10.13 | valid | valid | ValidPolicyMappingTest13 | P1anyPolicyMapping1to2CACert | P1anyPolicyMapping1to2CACRL | -
4.10.14 | valid | valid | ValidPolicyMappingTest14 | P1anyPolicyMapping1to2CACert | P1anyPolicyMapping1to2CACRL | -
4.11.1 | invalid | pki/path-policy | InvalidinhibitPolicyMappingTest1 | inhibitPolicyMapping0CACert inhibitPolicyMapping0subCACert | inhibitPolicyMapping0CACRL inhibitPolicyMapping0subCACRL | -
4.11.2 | valid | valid | ValidinhibitPolicyMappingTest2 | inhibitPolicyMapping1P12CACert inhibitPolicyMapping1P12subCACert | inhibitPolicyMapping1P12CACRL inhibitPolicyMapping1P12subCACRL | -
4.11.3 | invalid | pki/path-policy | InvalidinhibitPolicyMappingTest3 | inhibitPolicyMapping1P12CACert inhibitPolicyMapping1P12subCACert inhibitPolicyMapping1P12subsubCACert | inhibitPolicyMapping1P12CACRL inhibitPolicyMapping1P12subCACRL inhibitPolicyMapping1P12subsubCACRL | -
4.11.4 | valid | valid | ValidinhibitPolicyMappingTest4 | inhibitPolicyMapping1P12CACert inhibitPolicyMapping1P12subCACert inhibitPolicyMapping1P12subsubCACert | inhibitPolicyMapping1P12CACRL inhibitPolicyMapping1P12subCACRL inhibitPolicyMapping1P12subsubCACRL | -
4.11.5 | invalid | pki/path-policy | InvalidinhibitPolicyMappingTest5 | inhibitPolicyMapping5CACert inhibitPolicyMapping5subCACert inhibitPolicyMapping5subsubCACert inhibitPolicyMapping5subsubsubCACert | inhibitPolicyMapping5CACRL inhibitPolicyMapping5subCACRL inhibitPolicyMapping5subsubCACRL inhibitPolicyMapping5subsubsubCACRL | -
4.11.6 | invalid | pki/path-policy | InvalidinhibitPolicyMappingTest6 | inhibitPolicyMapping1P12CACert inhibitPolicyMapping1P12subCAIPM5Cert inhibitPolicyMapping1P12subsubCAIPM5Cert | inhibitPolicyMapping1P12CACRL inhibitPolicyMapping1P12subCAIPM5CRL inhibitPolicyMapping1P12subsubCAIPM5CRL | -
4.11.7 | valid | valid | ValidSelfIssuedinhibitPolicyMappingTest7 | inhibitPolicyMapping1P1CACert inhibitPolicyMapping1P1SelfIssuedCACert inhibitPolicyMapping1P1subCACert | inhibitPolicyMapping1P1CACRL inhibitPolicyMapping1P1subCACRL | -
4.11.8 | invalid | pki/path-policy | InvalidSelfIssuedinhibitPolicyMappingTest8 | inhibitPolicyMapping1P1CACert inhibitPolicyMapping1P1SelfIssuedCACert inhibitPolicyMapping1P1subCACert inhibitPolicyMapping1P1subsubCACert | inhibitPolicyMapping1P1CACRL inhibitPolicyMapping1P1subCACRL inhibitPolicyMapping1P1subsubCACRL | -
4.11.9 | invalid | pki/path-policy | InvalidSelfIssuedinhibitPolicyMappingTest9 | inhibitPolicyMapping1P1CACert inhibitPolicyMapping1P1SelfIssuedCACert inhibitPolicyMapping1P1subCACert inhibitPolicyMapping1P1subsubCACert | inhibitPolicyMapping1P1CACRL inhibitPolicyMapping1P1subCACRL inhibitPolicyMapping1P1subsubCACRL | -
4.11.10 | invalid | pki/path-policy | InvalidSelfIssuedinhibitPolicyMappingTest10 | inhibitPolicyMapping1P1CACert inhibitPolicyMapping1P1SelfIssuedCACert inhibitPolicyMapping1P1subCACert inhibitPolicyMapping1P1SelfIssuedsubCACert | inhibitPolicyMapping1P1CACRL inhibitPolicyMapping1P1subCACRL | -
4.11.11 | invalid | pki/path-policy | InvalidSelfIssuedinhibitPolicyMappingTest11 | inhibitPolicyMapping1P1CACert inhibitPolicyMapping1P1SelfIssuedCACert inhibitPolicyMapping1P1subCACert inhibitPolicyMapping1P1SelfIssuedsubCACert | inhibitPolicyMapping1P1CACRL inhibitPolicyMapping1P1subCACRL | -
4.12.1 | invalid | pki/path-policy | InvalidinhibitAnyPolicyTest1 | inhibitAnyPolicy0CACert | inhibitAnyPolicy0CACRL | -
4.12.2 | valid | valid | ValidinhibitAnyPolicyTest2 | inhibitAnyPolicy0CACert | inhibitAnyPolicy0CACRL | -
4.12.3.1 | valid | valid | inhibitAnyPolicyTest3 | inhibitAnyPolicy1CACert inhibitAnyPolicy1subCA1Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA1CRL | -
4.12.3.2 | invalid | pki/path-policy | inhibitAnyPolicyTest3 | inhibitAnyPolicy1CACert inhibitAnyPolicy1subCA1Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA1CRL | inhibit-any
4.12.4 | invalid | pki/path-policy | InvalidinhibitAnyPolicyTest4 | inhibitAnyPolicy1CACert inhibitAnyPolicy1subCA1Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA1CRL | -
4.12.5 | invalid | pki/path-policy | InvalidinhibitAnyPolicyTest5 | inhibitAnyPolicy5CACert inhibitAnyPolicy5subCACert inhibitAnyPolicy5subsubCACert | inhibitAnyPolicy5CACRL inhibitAnyPolicy5subCACRL inhibitAnyPolicy5subsubCACRL | -
4.12.6 | invalid | pki/path-policy | InvalidinhibitAnyPolicyTest6 | inhibitAnyPolicy1CACert inhibitAnyPolicy1subCAIAP5Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCAIAP5CRL | -
4.12.7 | valid | valid | ValidSelfIssuedinhibitAnyPolicyTest7 | inhibitAnyPolicy1CACert inhibitAnyPolicy1SelfIssuedCACert inhibitAnyPolicy1subCA2Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA2CRL | -
4.12.8 | invalid | pki/path-policy | InvalidSelfIssuedinhibitAnyPolicyTest8 | inhibitAnyPolicy1CACert inhibitAnyPolicy1SelfIssuedCACert inhibitAnyPolicy1subCA2Cert inhibitAnyPolicy1subsubCA2Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA2CRL inhibitAnyPolicy1subsubCA2CRL | -
4.12.9 | valid | valid | ValidSelfIssuedinhibitAnyPolicyTest9 | inhibitAnyPolicy1CACert inhibitAnyPolicy1SelfIssuedCACert inhibitAnyPolicy1subCA2Cert inhibitAnyPolicy1SelfIssuedsubCA2Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA2CRL | -
4.12.10 | invalid | pki/path-policy | InvalidSelfIssuedinhibitAnyPolicyTest10 | inhibitAnyPolicy1CACert inhibitAnyPolicy1SelfIssuedCACert inhibitAnyPolicy1subCA2Cert | inhibitAnyPolicy1CACRL inhibitAnyPolicy1subCA2CRL | -
4.13.1 | valid | valid | ValidDNnameConstraintsTest1 | nameConstraintsDN1CACert | nameConstraintsDN1CACRL | -
4.13.2 | invalid | pki/path-name-not-permitted | InvalidDNnameConstraintsTest2 | nameConstraintsDN1CACert | nameConstraintsDN1CACRL | -
4.13.3 | invalid | pki/path-name-not-permitted | InvalidDNnameConstraintsTest3 | nameConstraintsDN1CACert | nameConstraintsDN1CACRL | -
4.13.4 | valid | valid | ValidDNnameConstraintsTest4 | nameConstraintsDN1CACert | nameConstraintsDN1CACRL | -
4.13.5 | valid | valid | ValidDNnameConstraintsTest5 | nameConstraintsDN2CACert | nameConstraintsDN2CACRL | -
4.13.6 | valid | valid | ValidDNnameConstraintsTest6 | nameConstraintsDN3CACert | nameConstraintsDN3CACRL | -
4.13.7 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest7 | nameConstraintsDN3CACert | nameConstraintsDN3CACRL | -
4.13.8 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest8 | nameConstraintsDN4CACert | nameConstraintsDN4CACRL | -
4.13.9 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest9 | nameConstraintsDN4CACert | nameConstraintsDN4CACRL | -
4.13.10 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest10 | nameConstraintsDN5CACert | nameConstraintsDN5CACRL | -
4.13.11 | valid | valid | ValidDNnameConstraintsTest11 | nameConstraintsDN5CACert | nameConstraintsDN5CACRL | -
4.13.12 | invalid | pki/path-name-not-permitted | InvalidDNnameConstraintsTest12 | nameConstraintsDN1CACert nameConstraintsDN1subCA1Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA1CRL | -
4.13.13 | invalid | pki/path-name-not-permitted | InvalidDNnameConstraintsTest13 | nameConstraintsDN1CACert nameConstraintsDN1subCA2Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA2CRL | -
4.13.14 | valid | valid | ValidDNnameConstraintsTest14 | nameConstraintsDN1CACert nameConstraintsDN1subCA2Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA2CRL | -
4.13.15 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest15 | nameConstraintsDN3CACert nameConstraintsDN3subCA1Cert | nameConstraintsDN3CACRL nameConstraintsDN3subCA1CRL | -
4.13.16 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest16 | nameConstraintsDN3CACert nameConstraintsDN3subCA1Cert | nameConstraintsDN3CACRL nameConstraintsDN3subCA1CRL | -
4.13.17 | invalid | pki/path-name-excluded | InvalidDNnameConstraintsTest17 | nameConstraintsDN3CACert nameConstraintsDN3subCA2Cert | nameConstraintsDN3CACRL nameConstraintsDN3subCA2CRL | -
4.13.18 | valid | valid | ValidDNnameConstraintsTest18 | nameConstraintsDN3CACert nameConstraintsDN3subCA2Cert | nameConstraintsDN3CACRL nameConstraintsDN3subCA2CRL | -
4.13.19 | valid | valid | ValidDNnameConstraintsTest19 | nameConstraintsDN1CACert nameConstraintsDN1SelfIssuedCACert | nameConstraintsDN1CACRL | -
4.13.20 | invalid | pki/path-name-not-permitted | InvalidDNnameConstraintsTest20 | nameConstraintsDN1CACert | nameConstraintsDN1CACRL | -
4.13.21 | valid | valid | ValidRFC822nameConstraintsTest21 | nameConstraintsRFC822CA1Cert | nameConstraintsRFC822CA1CRL | -
4.13.22 | invalid | pki/path-name-not-permitted | InvalidRFC822nameConstraintsTest22 | nameConstraintsRFC822CA1Cert | nameConstraintsRFC822CA1CRL | -
4.13.23 | valid | valid | ValidRFC822nameConstraintsTest23 | nameConstraintsRFC822CA2Cert | nameConstraintsRFC822CA2CRL | -
4.13.24 | invalid | pki/path-name-not-permitted | InvalidRFC822nameConstraintsTest24 | nameConstraintsRFC822CA2Cert | nameConstraintsRFC822CA2CRL | -
4.13.25 | valid | valid | ValidRFC822nameConstraintsTest25 | nameConstraintsRFC822CA3Cert | nameConstraintsRFC822CA3CRL | -
4.13.26 | invalid | pki/path-name-excluded | InvalidRFC822nameConstraintsTest26 | nameConstraintsRFC822CA3Cert | nameConstraintsRFC822CA3CRL | -
4.13.27 | valid | valid | ValidDNandRFC822nameConstraintsTest27 | nameConstraintsDN1CACert nameConstraintsDN1subCA3Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA3CRL | -
4.13.28 | invalid | pki/path-name-not-permitted | InvalidDNandRFC822nameConstraintsTest28 | nameConstraintsDN1CACert nameConstraintsDN1subCA3Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA3CRL | -
4.13.29 | invalid | pki/path-name-not-permitted | InvalidDNandRFC822nameConstraintsTest29 | nameConstraintsDN1CACert nameConstraintsDN1subCA3Cert | nameConstraintsDN1CACRL nameConstraintsDN1subCA3CRL | -
4.13.30 | valid | valid | ValidDNSnameConstraintsTest30 | nameConstraintsDNS1CACert | nameConstraintsDNS1CACRL | -
4.13.31 | invalid | pki/path-name-not-permitted | InvalidDNSnameConstraintsTest31 | nameConstraintsDNS1CACert | nameConstraintsDNS1CACRL | -
4.13.32 | valid | valid | ValidDNSnameConstraintsTest32 | nameConstraintsDNS2CACert | nameConstraintsDNS2CACRL | -
4.13.33 | invalid | pki/path-name-excluded | InvalidDNSnameConstraintsTest33 | nameConstraintsDNS2CACert | nameConstraintsDNS2CACRL | -
4.13.34 | valid | valid | ValidURInameConstraintsTest34 | nameConstraintsURI1CACert | nameConstraintsURI1CACRL | -
4.13.35 | invalid | pki/path-name-not-permitted | InvalidURInameConstraintsTest35 | nameConstraintsURI1CACert | nameConstraintsURI1CACRL | -
4.13.36 | valid | valid | ValidURInameConstraintsTest36 | nameConstraintsURI2CACert | nameConstraintsURI2CACRL | -
4.13.37 | invalid | pki/path-name-excluded | InvalidURInameConstraintsTest37 | nameConstraintsURI2CACert | nameConstraintsURI2CACRL | -
4.13.38 | invalid | pki/path-name-not-permitted | InvalidDNSnameConstraintsTest38 | nameConstraintsDNS1CACert | nameConstraintsDNS1CACRL | -
4.14.1 | valid | valid | ValiddistributionPointTest1 | distributionPoint1CACert | distributionPoint1CACRL | -
4.14.2 | invalid | pki/path-revoked | InvaliddistributionPointTest2 | distributionPoint1CACert | distributionPoint1CACRL | -
4.14.3 | invalid | pki/path-crl-missing | InvaliddistributionPointTest3 | distributionPoint1CACert | distributionPoint1CACRL | -
4.14.4 | valid | valid | ValiddistributionPointTest4 | distributionPoint1CACert | distributionPoint1CACRL | -
4.14.5 | valid | valid | ValiddistributionPointTest5 | distributionPoint2CACert | distributionPoint2CACRL | -
4.14.6 | invalid | pki/path-revoked | InvaliddistributionPointTest6 | distributionPoint2CACert | distributionPoint2CACRL | -
4.14.7 | valid | valid | ValiddistributionPointTest7 | distributionPoint2CACert | distributionPoint2CACRL | -
4.14.8 | invalid | pki/path-crl-missing | InvaliddistributionPointTest8 | distributionPoint2CACert | distributionPoint2CACRL | -
4.14.9 | invalid | pki/path-crl-missing | InvaliddistributionPointTest9 | distributionPoint2CACert | distributionPoint2CACRL | -
4.14.10 | valid | valid | ValidNoissuingDistributionPointTest10 | NoissuingDistributionPointCACert | NoissuingDistributionPointCACRL | -
4.14.11 | invalid | pki/path-crl-missing | InvalidonlyContainsUserCertsTest11 | onlyContainsUserCertsCACert | onlyContainsUserCertsCACRL | -
4.14.12 | invalid | pki/path-crl-missing | InvalidonlyContainsCACertsTest12 | onlyContainsCACertsCACert | onlyContainsCACertsCACRL | -
4.14.13 | valid | valid | ValidonlyContainsCACertsTest13 | onlyContainsCACertsCACert | onlyContainsCACertsCACRL | -
4.14.14 | invalid | pki/unsupported-crl | InvalidonlyContainsAttributeCertsTest14 | onlyContainsAttributeCertsCACert | onlyContainsAttributeCertsCACRL | -
4.14.15 | invalid | pki/path-revoked | InvalidonlySomeReasonsTest15 | onlySomeReasonsCA1Cert | onlySomeReasonsCA1compromiseCRL onlySomeReasonsCA1otherreasonsCRL | -
4.14.16 | invalid | pki/path-revoked | InvalidonlySomeReasonsTest16 | onlySomeReasonsCA1Cert | onlySomeReasonsCA1compromiseCRL onlySomeReasonsCA1otherreasonsCRL | -
4.14.17 | invalid | pki/path-crl-missing | InvalidonlySomeReasonsTest17 | onlySomeReasonsCA2Cert | onlySomeReasonsCA2CRL1 onlySomeReasonsCA2CRL2 | -
4.14.18 | valid | valid | ValidonlySomeReasonsTest18 | onlySomeReasonsCA3Cert | onlySomeReasonsCA3compromiseCRL onlySomeReasonsCA3otherreasonsCRL | -
4.14.19 | valid | valid | ValidonlySomeReasonsTest19 | onlySomeReasonsCA4Cert | onlySomeReasonsCA4compromiseCRL onlySomeReasonsCA4otherreasonsCRL | -
4.14.20 | invalid | pki/path-revoked | InvalidonlySomeReasonsTest20 | onlySomeReasonsCA4Cert | onlySomeReasonsCA4compromiseCRL onlySomeReasonsCA4otherreasonsCRL | -
4.14.21 | invalid | pki/path-revoked | InvalidonlySomeReasonsTest21 | onlySomeReasonsCA4Cert | onlySomeReasonsCA4compromiseCRL onlySomeReasonsCA4otherreasonsCRL | -
4.14.22 | valid | pki/unsupported-crl | ValidIDPwithindirectCRLTest22 | indirectCRLCA1Cert | indirectCRLCA1CRL | -
4.14.23 | invalid | pki/unsupported-crl | InvalidIDPwithindirectCRLTest23 | indirectCRLCA1Cert | indirectCRLCA1CRL | -
4.14.24 | valid | pki/unsupported-crl | ValidIDPwithindirectCRLTest24 | indirectCRLCA2Cert indirectCRLCA1Cert | indirectCRLCA1CRL | -
4.14.25 | valid | pki/unsupported-crl | ValidIDPwithindirectCRLTest25 | indirectCRLCA2Cert indirectCRLCA1Cert | indirectCRLCA1CRL | -
4.14.26 | invalid | pki/unsupported-crl | InvalidIDPwithindirectCRLTest26 | indirectCRLCA2Cert indirectCRLCA1Cert | indirectCRLCA1CRL | -
4.14.27 | invalid | pki/path-crl-missing | InvalidcRLIssuerTest27 | indirectCRLCA2Cert GoodCACert | GoodCACRL | -
4.14.28 | valid | pki/unsupported-crl | ValidcRLIssuerTest28 | indirectCRLCA3Cert indirectCRLCA3cRLIssuerCert | indirectCRLCA3CRL indirectCRLCA3cRLIssuerCRL | -
4.14.29 | valid | pki/unsupported-crl | ValidcRLIssuerTest29 | indirectCRLCA3Cert indirectCRLCA3cRLIssuerCert | indirectCRLCA3CRL indirectCRLCA3cRLIssuerCRL | -
4.14.30 | valid | pki/unsupported-crl | ValidcRLIssuerTest30 | indirectCRLCA4Cert indirectCRLCA4cRLIssuerCert | indirectCRLCA4cRLIssuerCRL | -
4.14.31 | invalid | pki/unsupported-crl | InvalidcRLIssuerTest31 | indirectCRLCA5Cert indirectCRLCA6Cert | indirectCRLCA5CRL | -
4.14.32 | invalid | pki/unsupported-crl | InvalidcRLIssuerTest32 | indirectCRLCA5Cert indirectCRLCA6Cert | indirectCRLCA5CRL | -
4.14.33 | valid | pki/unsupported-crl | ValidcRLIssuerTest33 | indirectCRLCA5Cert indirectCRLCA6Cert | indirectCRLCA5CRL | -
4.14.34 | invalid | pki/unsupported-crl | InvalidcRLIssuerTest34 | indirectCRLCA5Cert | indirectCRLCA5CRL | -
4.14.35 | invalid | pki/unsupported-crl | InvalidcRLIssuerTest35 | indirectCRLCA5Cert | indirectCRLCA5CRL | -
4.15.1 | invalid | pki/unsupported-crl | InvaliddeltaCRLIndicatorNoBaseTest1 | deltaCRLIndicatorNoBaseCACert | deltaCRLIndicatorNoBaseCACRL | -
4.15.2 | valid | pki/unsupported-crl | ValiddeltaCRLTest2 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.3 | invalid | pki/unsupported-crl | InvaliddeltaCRLTest3 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.4 | invalid | pki/unsupported-crl | InvaliddeltaCRLTest4 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.5 | valid | pki/unsupported-crl | ValiddeltaCRLTest5 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.6 | invalid | pki/unsupported-crl | InvaliddeltaCRLTest6 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.7 | valid | pki/unsupported-crl | ValiddeltaCRLTest7 | deltaCRLCA1Cert | deltaCRLCA1deltaCRL deltaCRLCA1CRL | -
4.15.8 | valid | pki/unsupported-crl | ValiddeltaCRLTest8 | deltaCRLCA2Cert | deltaCRLCA2deltaCRL deltaCRLCA2CRL | -
4.15.9 | invalid | pki/unsupported-crl | InvaliddeltaCRLTest9 | deltaCRLCA2Cert | deltaCRLCA2deltaCRL deltaCRLCA2CRL | -
4.15.10 | invalid | pki/unsupported-crl | InvaliddeltaCRLTest10 | deltaCRLCA3Cert | deltaCRLCA3deltaCRL deltaCRLCA3CRL | -
4.16.1 | valid | valid | ValidUnknownNotCriticalCertificateExtensionTest1 | - | - | -
4.16.2 | invalid | pki/path-unknown-critical-extension | InvalidUnknownCriticalCertificateExtensionTest2 | - | - | -
`;

/** Every test of sections 4.1 to 4.16. */
export const PKITS_CASES: readonly PkitsCase[] = TABLE.trim().split("\n").map((row) => {
  const [number = "", expected, actual = "", leaf = "", ...lists] = row.split(" | ");
  if (expected !== "valid" && expected !== "invalid") throw new TypeError(`Not a test: ${row}`);
  const [intermediates = [], crls = [], inputs = []] = lists.map((list) =>
    list === "-" ? [] : list.split(" ")
  );
  return { number, expected, actual, leaf: `${leaf}EE`, intermediates, crls, inputs };
});
