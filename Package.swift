// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let xmlCoder: Target.Dependency = .product(name: "XMLCoder", package: "XMLCoder")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func binary(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: ["TestSupport"] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "control-plane",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "controlplane", targets: ["ControlPlane"]),
        .executable(name: "tenant-agent", targets: ["TenantAgent"]),
        .executable(name: "cpctl", targets: ["AdminCLI"]),
        .executable(name: "localcloud", targets: ["LocalCloud"]),
        .executable(name: "tunnel-connector", targets: ["TunnelConnector"]),
        .executable(name: "workspace-server", targets: ["WorkspaceServer"]),
        .executable(name: "memory-plugin", targets: ["MemoryPlugin"]),
        .executable(name: "bench", targets: ["Bench"]),
        .executable(name: "faulty-tenant", targets: ["FaultyTenant"]),
        .executable(name: "spool-process", targets: ["SpoolProcess"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
        .package(url: "https://github.com/CoreOffice/XMLCoder.git", from: "0.18.2"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        systemLibrary("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        systemLibrary("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
        systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
        systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        .systemLibrary(name: "CNamespaces"),

        library("AuditChain", ["CCrypto"]),
        library("AWSSigV4", ["CCrypto"]),
        library("CurlHTTP", ["CCurl"]),
        library("Postgres", ["CPostgres", logging, lifecycle]),
        library("Workflows", ["Postgres", logging, lifecycle]),
        library("TenantProtocol"),
        library("PushSignature", ["CCrypto"]),
        library("DurableFiles"),
        library("TenantSpool", ["CZlib", "CurlHTTP", "DurableFiles", "TenantProtocol"]),
        library("TunnelLink", nio),

        binary(
            "ControlPlane",
            [
                "AuditChain", "AWSSigV4", "CCrypto", "CZlib", "CurlHTTP", "Postgres", "PushSignature",
                "Workflows",
                "TenantProtocol", hummingbird, argumentParser, logging, lifecycle, xmlCoder, jwtKit,
            ]),
        binary("TenantAgent", ["CNamespaces", "CurlHTTP", "DurableFiles", "TenantProtocol", "TenantSpool"]),
        binary("AdminCLI", ["AuditChain", "AWSSigV4", "CurlHTTP", "TenantProtocol", argumentParser]),
        binary(
            "LocalCloud",
            [
                "AWSSigV4", "CCrypto", "CurlHTTP", "PushSignature", "TenantProtocol", "TunnelLink",
                hummingbird, argumentParser, logging, lifecycle, subprocess, jwtKit, nioSSL,
            ] + nio),
        binary("TunnelConnector", ["TunnelLink"] + nio),
        binary(
            "WorkspaceServer",
            [
                "CurlHTTP", "Postgres", "DurableFiles", "PushSignature", "TenantProtocol", "TenantSpool",
                hummingbird, logging, lifecycle, nioWebSocket,
            ] + nio),
        binary("MemoryPlugin", ["Postgres", hummingbird, logging, lifecycle]),
        binary("Bench", ["AWSSigV4", "CurlHTTP", "Postgres", "Workflows", argumentParser, logging]),

        .target(
            name: "TestSupport", dependencies: ["CurlHTTP", "Postgres", logging, subprocess],
            path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(
            name: "FaultyTenant", dependencies: [hummingbird, logging], path: "Tests/FaultyTenant",
            swiftSettings: strict),
        .executableTarget(
            name: "SpoolProcess", dependencies: ["CurlHTTP", "TenantProtocol", "TenantSpool"],
            path: "Tests/SpoolProcess", swiftSettings: strict),
        tests("AWSSigV4Tests", ["AWSSigV4"]),
        tests("AdminCLITests", ["AdminCLI", "AuditChain", "AWSSigV4", "CurlHTTP"]),
        tests("CurlHTTPTests", ["CurlHTTP"]),
        tests("PostgresTests", ["Postgres"]),
        tests("WorkflowsTests", ["Workflows"]),
        tests(
            "ControlPlaneTests",
            ["ControlPlane", "AuditChain", "CZlib", "PushSignature", "TenantProtocol", "TenantSpool"]),
        tests("TenantAgentTests", ["TenantAgent", "DurableFiles", "TenantProtocol", "TenantSpool"]),
        tests("TenantStackTests", ["WorkspaceServer", "MemoryPlugin", "CurlHTTP", "PushSignature"]),
        tests("LocalCloudTests", ["LocalCloud", "AWSSigV4"]),
        tests("JourneyTests", ["TenantProtocol", "AWSSigV4", "CurlHTTP"]),
        tests("ResilienceTests", ["AWSSigV4", "CurlHTTP", "Postgres", hummingbird, logging]),
        tests("TidyTests", []),
    ]
)

// scripts/build names the programs that it needs: the demo waits neither for the benchmark nor for what only
// tests run. The commands of what is left stay the same, so that nothing is compiled twice.
let wanted = (Context.environment["BUILD_ONLY"] ?? "").split(separator: ",").map(String.init)
if !wanted.isEmpty {
    package.products.removeAll { !wanted.contains($0.name) }
    let kept = package.products.compactMap { $0 as? Product.Executable }.flatMap(\.targets)
    package.targets.removeAll { target in
        guard !kept.contains(target.name) else { return false }
        return [.executable, .test].contains(target.type) || target.path?.hasPrefix("Tests/") == true
    }
}
