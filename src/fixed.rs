//! Views that stand as they were built.
//!
//! For every view, Leptos compiles two programs: one that builds it and one that brings a built one up to date
//! from a new value. The second is needed only where a closure may return a view of the same type again. Most
//! views here are built once; what changes inside of them are attributes, texts and children that closures of their own
//! take care of. [`fixed`] says so of a view, and the second program is not compiled for it, nor is its type
//! a part of the types around it.

#[cfg(feature = "ssr")]
pub use html::{Fixed, fixed};

#[cfg(not(feature = "ssr"))]
pub use dom::{Fixed, fixed};

/// Natively nothing is ever brought up to date, and size does not matter.
#[cfg(feature = "ssr")]
mod html {
    use leptos::prelude::*;

    pub type Fixed = AnyView;

    /// `view`, never to be brought up to date.
    pub fn fixed(view: impl IntoView + 'static) -> Fixed {
        view.into_any()
    }
}

#[cfg(not(feature = "ssr"))]
mod dom {
    use leptos::prelude::*;
    use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
    use leptos::tachys::hydration::Cursor;
    use leptos::tachys::renderer::types::{Element, Node};
    use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};

    /// A view of any type that is built once.
    pub struct Fixed(Box<dyn FnOnce() -> Box<dyn Mountable> + Send>);

    /// `view`, never to be brought up to date.
    pub fn fixed(view: impl IntoView + 'static) -> Fixed {
        Fixed(Box::new(move || Box::new(view.build())))
    }

    /// The nodes of a [`Fixed`], and what keeps their attributes up to date.
    pub struct Built(Box<dyn Mountable>);

    impl Mountable for Built {
        fn unmount(&mut self) {
            self.0.unmount();
        }

        fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
            self.0.mount(parent, marker);
        }

        fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
            self.0.insert_before_this(child)
        }

        fn elements(&self) -> Vec<Element> {
            self.0.elements()
        }
    }

    impl Render for Fixed {
        type State = Built;

        fn build(self) -> Built {
            Built((self.0)())
        }

        /// A closure that returns fixed views gets the new one in the place of the old.
        fn rebuild(self, state: &mut Built) {
            let mut new = self.build();
            state.insert_before_this(&mut new);
            state.unmount();
            *state = new;
        }
    }

    leptos::tachys::no_attrs!(Fixed);

    /// The browser's program writes no HTML and takes none over: there a view is only ever built.
    impl RenderHtml for Fixed {
        type AsyncOutput = Fixed;
        type Owned = Fixed;

        const MIN_LENGTH: usize = 0;

        fn dry_resolve(&mut self) {}

        async fn resolve(self) -> Fixed {
            self
        }

        fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

        fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Built {
            self.build()
        }

        fn into_owned(self) -> Fixed {
            self
        }
    }
}
