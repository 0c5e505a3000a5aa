import Digests
import Foundation
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Digests
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

@Suite struct SecretBoxTests {
    private let localKey = RandomSecret.bytes(32)
    private let arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001"

    /// KMS is the local cloud's: real signatures, AES-256-GCM under a key that never leaves it.
    @Test func eitherFormatIsReadWhicheverIsWritten() async throws {
        try await TestCloud.run { cloud in
            let kms = cloud.service.platform.fleet.secrets.kms
            let before = SecretBox(kmsKeyARN: nil, localKey: localKey, kms: kms)
            let after = SecretBox(kmsKeyARN: arn, localKey: localKey, kms: kms)
            let secret = Array("a secret".utf8)
            let (old, new) = (try await before.seal(secret), try await after.seal(secret))
            #expect(old.first == 1 && new.first == 2)
            #expect(try await after.open(old) == secret)
            #expect(try await after.open(new) == secret)
            let length = Int(new[1]) << 8 | Int(new[2])
            #expect(new.count == 3 + length + AESGCM.nonceLength + secret.count + AESGCM.tagLength)
            #expect(try await after.seal(secret) != new)
        }
    }

    /// The same with a KMS that is not ours.
    @Test func anotherImplementationOfKMSOpensWhatItSealed() async throws {
        let moto = try Moto.shared.get()
        let kms = KMSClient(moto.connection())
        let box = SecretBox(kmsKeyARN: moto.keyId, localKey: localKey, kms: kms)
        let sealed = try await box.seal(Array("a secret".utf8))
        let opened = try await box.opened(sealed)
        #expect(opened.plaintext == Array("a secret".utf8))
        #expect(try await box.currentKeyID() == opened.keyID)
        let old = SecretBox(kmsKeyARN: nil, localKey: localKey, kms: kms)
        let earlier: [UInt8] = [1, 2]
        #expect(try await box.open(try await old.seal(earlier)) == earlier)
    }

    @Test func anEarlierLocalKeyStillReads() async throws {
        let http = TestHTTP()
        defer { http.client.shutdown() }
        let nowhere = try Configuration(environment: ExampleEnvironment.make()).aws
        let kms = KMSClient(AWSConnection(nowhere, http: http.client))
        let before = SecretBox(kmsKeyARN: nil, localKey: localKey, kms: kms)
        let after = SecretBox(
            kmsKeyARN: nil, localKey: RandomSecret.bytes(32), previousLocalKeys: [localKey], kms: kms)
        let secret: [UInt8] = [1, 2, 3]
        let opened = try await after.opened(try await before.seal(secret))
        #expect(opened.plaintext == secret)
        #expect(try await opened.keyID == before.currentKeyID())
        #expect(try await opened.keyID != after.currentKeyID())
        await #expect(throws: AppError.self) { _ = try await before.open(try await after.seal(secret)) }
    }

    @Test func whatCannotBeReadSaysWhy() async throws {
        let nowhere = try Configuration(environment: ExampleEnvironment.make()).aws
        let http = TestHTTP()
        defer { http.client.shutdown() }
        let kms = KMSClient(AWSConnection(nowhere, http: http.client))
        let local = SecretBox(kmsKeyARN: nil, localKey: localKey, kms: kms)
        let sealed = try await local.seal([1, 2, 3])
        let stranger = SecretBox(kmsKeyARN: arn, localKey: nil, kms: kms)
        let error = await #expect(throws: AppError.self) { _ = try await stranger.open(sealed) }
        #expect(error?.message.contains("SECRETS_ENCRYPTION_KEY") == true)
        for malformed: [UInt8] in [[], [9, 1, 2], [2], [2, 0, 200, 1]] {
            await #expect(throws: AppError.self) { _ = try await local.open(malformed) }
        }
    }
}
