/// The files above `Sources/Bindings` that import the C library. Whoever makes one do without takes it off; none is added.
enum GlibcList {
    static let files: [String: [String]] = [
        "BlockStore": [
            "BlockCache", "BlockCache+Upkeep", "CacheBudget", "CacheBudget+Eviction", "CacheBudget+Tidying",
            "CacheFolder", "CacheKeepers", "CacheUsage", "DecodePool", "DirectoryBlockStore", "MirrorEstimate",
        ],
        "Boot": [
            "BlockStores", "BootSetLibrary", "Configuration", "ControlServer", "DepartedVersions",
            "GuestSurroundings", "LineSocket", "MeteredNetwork", "Places", "RunHistory", "RunningSession",
            "SessionDirectory", "SessionDisk", "SessionGuest", "SessionLauncher", "SessionRegistry", "SessionRun",
            "StartReporter", "StateFormat",
        ],
        "BootMenu": [
            "BootBackend", "LoginFacts", "MenuLoop",
        ],
        "Catalog": [
            "CatalogLibrary", "CatalogLibrary+Indexes", "CatalogLibrary+Trust", "KnownFiles",
        ],
        "ImageIndex": [
            "ImageIndex", "ImageIndexWriter", "IndexItem", "IndexPages",
        ],
        "ImageMount": [
            "MountedImage", "ServedImage", "StaleMounts",
        ],
        "Publisher": [
            "BlockFileFolder", "BlockLoop", "BlockReading", "BlockStoreFolder", "BlockVerifier", "BlockWorker",
            "BootRecording", "BuildFolder", "ChildProgram", "Downloads", "FolderDestination", "ImageContents",
            "ImageConversion", "ImagePublisher", "ImageSource", "IngestFolder", "KnownImage", "LegacyImport",
            "LegacyPublisher", "MetadataCheck", "MirrorSource", "PreparedImage", "PublishOptions",
            "PublishedTree+Add", "PublishedTree+Prune", "PublishedTree+Verify", "PublisherError+Repository",
            "Reachability", "ReadRun", "RecordingFolder", "RunQueue", "SigningKeys", "StaleFiles", "StoreLock",
            "TreeAccess", "TreeContents", "TreeMirror+Removal", "TreeProblem", "Unpacking", "VerifiedBlocks",
            "WorkFolder",
        ],
        "TUF": [
            "DirectoryMetadataStore", "DirectorySource", "KeyFile", "RepositoryFolder", "TUFClient+State",
        ],
        "oscircular": [
            "AbsolutePath", "BootCommand", "CommandContext", "Confirmation", "ConsoleAttachment", "ConsoleCommand",
            "DoctorCommand", "ErrorReport", "ErrorReport+Guest", "Finding", "Interruption", "LegacyCache",
            "LegacyMountCommand", "Menu", "MountCommand", "MountSource", "RunSessionCommand", "SSHCommand",
            "ServeMountCommand", "ServedMount", "SessionViewer", "StopCommand", "Terminal",
        ],
        "oscircular-publish": [
            "AddCommand", "ErrorReport", "KeyOptions", "MakeSHA1FilesCommand", "MirrorCommand", "ProgressPrinter",
            "RecordingStep", "Signals", "UpdateCommand",
        ],
        "tuf-client": [
            "Program"
        ],
    ]
}
