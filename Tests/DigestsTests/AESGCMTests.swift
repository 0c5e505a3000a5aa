import Digests
import Testing
import WireText

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

    @Test func opensOnlyInTheContextThatItWasSealedIn() throws {
        let sealed = try AESGCM.seal([1, 2, 3], key: key, binding: [4, 5])
        #expect(try AESGCM.open(sealed, key: key, binding: [4, 5]) == [1, 2, 3])
        for context: [UInt8] in [[], [4], [4, 6], [4, 5, 0]] {
            #expect(throws: AESGCM.Failure.self) { try AESGCM.open(sealed, key: key, binding: context) }
        }
    }

    @Test func theSameIsNeverSealedTheSameWay() throws {
        let sealed = try (0..<100).map { _ in try AESGCM.seal([1, 2, 3], key: key) }
        #expect(Set(sealed).count == 100)
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 16: AES-256, nonces of
    /// 12 bytes.
    @Test(arguments: [
        GCMVector(tag: "530f8afbc74536b9a963b4f1c4cb738b"),
        GCMVector(
            plaintext: "00000000000000000000000000000000", ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919"),
        GCMVector(
            key: GCMVector.longKey, nonce: "cafebabefacedbaddecaf888",
            plaintext: GCMVector.plaintext + "1aafd255", ciphertext: GCMVector.ciphertext + "898015ad",
            tag: "b094dac5d93471bdec1a502270e3cc6c"),
        GCMVector(
            key: GCMVector.longKey, nonce: "cafebabefacedbaddecaf888", plaintext: GCMVector.plaintext,
            ciphertext: GCMVector.ciphertext, tag: "76fc6ece0f4e1768cddf8853bb2d551b",
            context: "feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    ])
    func agreesWithThePublishedVectors(vector: GCMVector) throws {
        let bytes = { (hex: String) in try #require([UInt8](hex: hex)) }
        let opened = try AESGCM.open(
            bytes(vector.nonce + vector.ciphertext + vector.tag), key: bytes(vector.key),
            binding: bytes(vector.context))
        #expect(opened.hex == vector.plaintext)
    }
}

/// In hexadecimal; nothing but zeros unless a vector says otherwise.
struct GCMVector: Sendable {
    static let longKey = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    static let plaintext = """
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
        b16aedf5aa0de657ba637b39
        """
    static let ciphertext = """
        522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838\
        c5f61e6393ba7a0abcc9f662
        """

    var key = String(repeating: "00", count: 32)
    var nonce = String(repeating: "00", count: 12)
    var plaintext = ""
    var ciphertext = ""
    var tag: String
    var context = ""
}
