// swift-tools-version: 6.1
import PackageDescription

/// Path of libFuzzer's library when `Tests/Fuzz/run` builds the fuzzer; that build has a folder of its own.
let fuzzer = Context.environment["OSCIRCULAR_FUZZ"]

/// Warnings are errors in this package; dependencies are not ours to mend.
let strict: [SwiftSetting] = [
    .unsafeFlags(["-warnings-as-errors"] + (fuzzer == nil ? [] : ["-sanitize=fuzzer"]))
]

/// A C library that only its Swift owner in `Sources/Bindings` imports.
func cLibrary(_ name: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/Bindings/\(name)", providers: [.apt([apt])])
}

/// The Swift owner of one C library.
func binding(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: [.target(name: "C\(name)")] + dependencies, path: "Sources/Bindings/\(name)",
        swiftSettings: strict)
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies + [argumentParser], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], exclude: exclude, swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

// Listed in flow order: catalog, index, block store, mount, guest; then the way back.
let package = Package(
    name: "oscircular",
    products: [
        .executable(name: "oscircular", targets: ["oscircular"]),
        .executable(name: "oscircular-publish", targets: ["oscircular-publish"]),
        .executable(name: "tuf-client", targets: ["tuf-client"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        cLibrary("CFUSE", apt: "libfuse3-dev"),
        // libcurl4-openssl-dev; compiled, for it is loaded at its first use.
        .target(name: "CCurl", path: "Sources/Bindings/CCurl"),
        // libvirt-dev; compiled, for it is loaded at its first use.
        .target(name: "CLibvirt", path: "Sources/Bindings/CLibvirt"),
        // Compiled, for libsystemd is loaded at its first use.
        .target(name: "CLogind", path: "Sources/Bindings/CLogind"),
        cLibrary("CSlirp", apt: "libslirp-dev"),
        cLibrary("CSeccomp", apt: "libseccomp-dev"),
        cLibrary("CZstd", apt: "libzstd-dev"),
        cLibrary("CZlib", apt: "zlib1g-dev"),
        cLibrary("CLzma", apt: "liblzma-dev"),
        cLibrary("CNcurses", apt: "libncurses-dev"),
        cLibrary("CLinux", apt: "libc6-dev"),
        binding("FUSE", ["Linux"]),
        binding("Curl", ["Formats", "Linux"]),
        binding("Libvirt", ["Linux"]),
        binding("Logind", ["Linux"]),
        binding("Slirp", ["Linux"]),
        binding("Seccomp", ["Linux"]),
        binding("Zstd"),
        binding("Zlib"),
        binding("Lzma"),
        .target(
            name: "Curses", dependencies: ["CNcurses", "Linux"], path: "Sources/Bindings/Curses", swiftSettings: strict),
        // The parser that TOMLKit brings, without TOMLKit's types.
        .target(name: "TOML", dependencies: [toml], path: "Sources/Bindings/TOML", swiftSettings: strict),
        binding("Linux", [collections]),

        module("Formats", []),
        module("ContentAddress", ["Formats", crypto, cryptoExtras]),
        module("TUF", ["Formats", "Linux", crypto, cryptoExtras]),
        module("Catalog", ["ContentAddress", "TUF", "Curl", "Formats", "Linux"]),
        module("Upstream", ["TUF", "ContentAddress", "Curl", "Formats", "Linux"]),
        module("ImageIndex", ["ContentAddress", "Formats", "Linux"]),
        module("BlockStore", ["ContentAddress", "Curl", "Zstd", "Zlib", "Formats", "Linux", collections]),
        module(
            "Vendors",
            [
                "Upstream", "TUF", "Catalog", "ImageIndex", "BlockStore", "DiskImage", "ContentAddress", "Curl",
                "Formats", "TOML", "Linux", crypto,
            ]),
        module("DiskImage", ["Zlib", "Zstd", "Lzma", "Formats"]),
        module(
            "ImageMount",
            [
                "DiskImage", "ImageIndex", "BlockStore", "ContentAddress", "FUSE", "Formats", "Linux", log, collections,
            ]),
        module("GuestDomain", ["Libvirt", "Zlib", "Formats", "Linux", crypto]),
        module("GuestNetwork", ["Slirp", "Seccomp", "Formats", "Linux", log, crypto]),
        module("SFTP", ["Linux"]),
        module(
            "Boot",
            [
                "Vendors", "Catalog", "ImageIndex", "BlockStore", "DiskImage", "ImageMount", "GuestDomain",
                "GuestNetwork", "ContentAddress", "Curl", "Logind", "Zstd", "Formats", "TOML", "Linux",
            ]),
        module(
            "BootMenu",
            [
                "Boot", "Vendors", "Catalog", "ImageIndex", "BlockStore", "GuestDomain", "ContentAddress", "Curl",
                "Curses", "Zlib", "Formats", "Linux",
            ]),
        module("ObjectStore", ["Curl", "Formats", "Linux", crypto]),
        module(
            "Publisher",
            [
                "TUF", "Upstream", "Catalog", "Vendors", "ImageIndex", "BlockStore", "DiskImage", "ContentAddress",
                "ObjectStore", "Curl",
                "Zstd", "Zlib", "Formats", "TOML", "Linux",
            ]),

        program(
            "oscircular",
            [
                "BootMenu", "Curses", "Boot", "Vendors", "Catalog", "ImageIndex", "BlockStore", "DiskImage",
                "ImageMount",
                "FUSE", "GuestDomain", "GuestNetwork", "SFTP", "Curl", "Formats", "Linux",
            ]),
        program(
            "oscircular-publish",
            [
                "Publisher", "Upstream", "ObjectStore", "TUF", "Catalog", "ImageIndex", "ContentAddress", "Curl",
                "Formats", "Linux",
            ]),
        program("tuf-client", ["TUF", "Curl", "Formats", "Linux"]),

        .target(
            name: "TestSupport",
            dependencies: [
                "ContentAddress", "TUF", "Catalog", "ImageIndex", "BlockStore", "Libvirt", "Linux",
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
        // A network of a chosen delay and rate, for tests and benchmarks; its program is not installed.
        .target(
            name: "NetworkProxy", dependencies: ["Linux", collections], path: "Tests/NetworkProxy",
            swiftSettings: strict),
        .executableTarget(
            name: "network-proxy", dependencies: ["NetworkProxy", "Linux", argumentParser],
            path: "Tests/NetworkProxyProgram", swiftSettings: strict),
        tests("NetworkProxyTests", ["NetworkProxy", "network-proxy", "Curl", "Linux"]),
        tests("LinuxTests", ["Linux"]),
        tests("SeccompTests", ["Seccomp", "Linux"]),
        tests("FormatsTests", ["Formats"]),
        tests("TOMLTests", ["TOML"]),
        tests("ContentAddressTests", ["ContentAddress"]),
        tests("TUFTests", ["TUF", "tuf-client", "Formats", "Linux", crypto, cryptoExtras]),
        tests("CatalogTests", ["Catalog", "ContentAddress", "TUF", "Curl", "Linux"]),
        tests("ImageIndexTests", ["ImageIndex", "ContentAddress", "Linux"]),
        tests(
            "BlockStoreTests",
            ["BlockStore", "ImageIndex", "ContentAddress", "Curl", "Zlib", "Zstd", "Linux", "NetworkProxy"]),
        tests(
            "ImageMountTests",
            ["ImageMount", "DiskImage", "ImageIndex", "BlockStore", "ContentAddress", "FUSE", "Formats", "Linux"]),
        tests("GuestDomainTests", ["GuestDomain", "GuestNetwork", "Libvirt", "FUSE", "Zlib", "Formats", "Linux"]),
        tests("SFTPTests", ["SFTP", "Linux"]),
        tests("GuestNetworkTests", ["GuestNetwork", "oscircular", "Seccomp", "Slirp", "Formats", "Linux"]),
        tests(
            "BootTests",
            [
                "Boot", "Vendors", "Catalog", "GuestDomain", "Curl", "Formats", "Linux", "ImageIndex", "BlockStore",
                "DiskImage", "ImageMount", "GuestNetwork", "ContentAddress", "Zstd", "NetworkProxy",
            ]),
        tests(
            "BootMenuTests",
            [
                "BootMenu", "Boot", "Vendors", "Catalog", "Curses", "GuestDomain", "Zlib", "Formats", "Linux",
                "menu-sample",
            ],
            exclude: ["Snapshots"]),
        .executableTarget(
            name: "menu-sample",
            dependencies: [
                "BootMenu", "Boot", "Vendors", "Catalog", "ContentAddress", "Curses", "GuestDomain", "Linux",
            ],
            path: "Tests/MenuSample", swiftSettings: strict),
        tests(
            "ProgramTests",
            [
                "oscircular", "Boot", "Vendors", "Catalog", "TUF", "BlockStore", "ImageIndex", "ImageMount", "FUSE",
                "GuestDomain",
                "GuestNetwork", "Libvirt", "ContentAddress", "Curl", "Curses", "Linux", "SFTP",
            ]),
        tests("ObjectStoreTests", ["ObjectStore", "Curl", "Linux"]),
        tests("LzmaTests", ["Lzma"]),
        tests("DiskImageTests", ["DiskImage", "Zlib", "Formats", "Linux"]),
        tests("UpstreamTests", ["Upstream", "ContentAddress", "Formats", "Linux"]),
        tests(
            "VendorsTests",
            [
                "Vendors", "Upstream", "Catalog", "ContentAddress", "DiskImage", "ImageIndex", "BlockStore", "Curl",
                "Formats", "Linux", crypto,
            ]),
        tests(
            "PublisherTests",
            ["Publisher", "Upstream", "Catalog", "ContentAddress", "ImageIndex", "TUF", "Curl", "Linux"]),
        tests(
            "PublishProgramTests",
            [
                "oscircular-publish", "Publisher", "Catalog", "ContentAddress", "ImageIndex", "ObjectStore",
                "TUF", "Curl", "Zlib", "Zstd", "Linux",
            ]),
        tests("ArchitectureTests", []),
        tests(
            "IntegrationTests",
            [
                "oscircular", "oscircular-publish", "tuf-client", "menu-sample", "Boot", "GuestNetwork", "ImageIndex",
                "ContentAddress", "ObjectStore", "NetworkProxy", "Curl", "Linux",
            ]),
    ]
)

if let fuzzer {
    package.targets.append(
        .executableTarget(
            name: "oscircular-fuzz",
            dependencies: [
                "Boot", "BlockStore", "Catalog", "ContentAddress", "DiskImage", "Formats", "GuestDomain", "ImageIndex",
                "Publisher",
                "TUF", "Upstream", "Vendors", "Linux",
            ],
            path: "Tests/Fuzz", exclude: ["Corpus", "run"], swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-Xlinker", fuzzer, "-lstdc++", "-lm"])]))
}

/// Names of test targets: then only these and what they need are built, as for `Tests/Sanitizers/run`.
if let tests = Context.environment["OSCIRCULAR_TESTS"] {
    var needed = Set<String>()
    var found = tests.split(separator: " ").map(String.init)
    while let name = found.popLast() {
        guard needed.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else {
            continue
        }
        found += target.dependencies.compactMap {
            switch $0 {
            case .byNameItem(let name, _), .targetItem(let name, _): name
            default: nil
            }
        }
    }
    package.products = []
    package.targets.removeAll { !needed.contains($0.name) }
}
