import Testing

@testable import Billing
@testable import Digests
@testable import Organisations

@Suite struct AESGCMTests {
    let key = RandomSecret.bytes(32)

    @Test(arguments: [0, 1, 16, 17, 1_000, 65_536])
    func opensWhatItSealed(_ length: Int) throws {
        let plaintext = RandomSecret.bytes(length)
        let sealed = try AESGCM.seal(plaintext, key: key)
        #expect(sealed.count == length + AESGCM.nonceLength + AESGCM.tagLength)
        #expect(try AESGCM.open(sealed, key: key) == plaintext)
    }

    @Test func refusesEveryChangedByte() throws {
        let sealed = try AESGCM.seal(Array("a secret".utf8), key: key)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: AESGCM.Failure.self) { try AESGCM.open(changed, key: key) }
        }
    }

    @Test func refusesAnotherKeyAndShortInput() throws {
        let sealed = try AESGCM.seal([1, 2, 3], key: key)
        #expect(throws: AESGCM.Failure.self) { try AESGCM.open(sealed, key: RandomSecret.bytes(32)) }
        #expect(throws: AESGCM.Failure.self) { try AESGCM.open(Array(sealed.prefix(27)), key: key) }
        #expect(throws: AESGCM.Failure.self) { try AESGCM.seal([1], key: [1, 2]) }
    }

    /// NIST GCM specification, test case 16 has associated data; 14 has none: all-zero key, nonce and block.
    @Test func agreesWithThePublishedVector() throws {
        let ciphertext: [UInt8] = [
            0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
        ]
        let tag: [UInt8] = [
            0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19,
        ]
        let sealed = [UInt8](repeating: 0, count: 12) + ciphertext + tag
        #expect(
            try AESGCM.open(sealed, key: [UInt8](repeating: 0, count: 32)) == [UInt8](repeating: 0, count: 16)
        )
    }
}
