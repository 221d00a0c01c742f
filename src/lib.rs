pub mod draw;
pub mod widgets;
