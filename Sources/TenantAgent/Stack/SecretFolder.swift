import DurableFiles

/// The secrets of one container on the host: a file for each, of its user, mode 0400, mounted read-only.
/// What a variable holds, `docker inspect` shows to everybody who may ask the daemon, and `/proc` to the
/// container's other programs.
///
/// The folder's name depends on what is in it. So a container of other secrets is another specification,
/// and while two run side by side each has its own. The name gives nothing away: 64 bits of a sum over
/// values that are longer.
struct SecretFolder: Sendable, Equatable {
    /// Of the secrets of all containers.
    var parent: String
    /// Name of the container.
    var container: String
    var owner: Folder.Owner
    /// By the variable's name.
    var values: [String: String]

    /// Inside the container.
    static let target = "/run/secrets"
    private static let maximumValueBytes = 64 << 10

    private var name: String {
        let words = values.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] } + ["\(owner)"]
        return "\(container)-" + fnv1a(words.flatMap { Array($0.utf8) + [0] })
    }

    /// On the host.
    var path: String { "\(parent)/\(name)" }

    var bind: String { "\(path):\(Self.target):ro" }

    /// `NAME_FILE=path`, sorted.
    var variables: [String] {
        values.keys.sorted().map { "\($0)\(FileVariables.suffix)=\(Self.target)/\($0)" }
    }

    /// May be done again, also while a container uses it: it is the same then.
    func write() throws {
        try Folder.make(parent)
        guard let all = try Folder.open(parent, isOpenToAnyOwner: true) else {
            throw SystemError("open \(parent)")
        }
        let folder = try all.makeFolder(name)
        for (name, value) in values {
            let bytes = Array(value.utf8)
            if try folder.read(name, atMost: Self.maximumValueBytes) == bytes { continue }
            try folder.replace(name, with: bytes, mode: 0o400)
        }
        for name in try folder.names() where values[name] == nil { try folder.remove(name) }
        try folder.give(to: owner)
    }

    /// Removes those that no container mounts.
    static func prune(_ parent: String, keeping mounted: Set<String>) throws {
        guard let all = try Folder.open(parent, isOpenToAnyOwner: true) else { return }
        for name in try all.names() where !mounted.contains("\(parent)/\(name)") {
            try all.folder(name)?.removeContents()
            _ = try all.removeFolder(name)
        }
    }
}

/// The sum FNV-1a of 64 bits, in hexadecimal digits. It distinguishes contents that differ by
/// accident; it is no protection against an attacker.
func fnv1a(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
}
